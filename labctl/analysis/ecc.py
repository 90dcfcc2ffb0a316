"""Hamming codes against 2T2R: what error-correcting codes leave of 1T1R errors (Fig. 8b-c).

SEC is the Hamming code (corrects one error a word), SECDED the extended Hamming code (corrects
one, detects two). A 2T2R bit costs two devices; the code of equal redundancy is SECDED(8,4).

Words are (words, n) or (words, k) arrays of 0 and 1. A code word is the k data bits, then the
check bits, then for SECDED the parity of all. Column i of the parity-check matrix is the binary
number of bit i: check bits have the powers of two, data bits the other numbers from 3 on
(Hamming, Bell Syst. Tech. J. 29, 147 (1950)). Codes shorter than the numbers allow, such as
(72,64), leave the last numbers out.

What the decoder does, and how its result is counted:

- syndrome of a bit (for SECDED with odd parity): that bit is flipped, right or wrong;
- any other syndrome that is not zero (for SECDED: every double error): the word is flagged and its
  data bits are left as read. Its wrong data bits count as errors: flagged is not corrected;
- the residual bit error rate is wrong data bits of all data bits, in flagged words too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.bootstrap import ClusteredRate, effective_rate
from labctl.analysis.error_rates import error_rate
from labctl.analysis.estimates import Estimate

Bits = NDArray[np.uint8]
Layout = Literal["consecutive", "interleaved"]


@dataclass(frozen=True)
class Decoded:
    """What the decoder gives back."""

    data: Bits
    """(words, k)."""
    flagged: NDArray[np.bool_]
    """(words,): errors detected and not corrected."""
    flipped: NDArray[np.bool_]
    """(words,): one bit flipped."""


@dataclass(frozen=True)
class HammingCode:
    """Single-error-correcting code of ``data_bits`` a word; SECDED with ``detects_double``."""

    data_bits: int
    detects_double: bool

    def __post_init__(self) -> None:
        if self.data_bits < 1:
            raise ValueError(f"a code word needs data bits, not {self.data_bits}")

    @cached_property
    def check_bits(self) -> int:
        """Fewest check bits r whose numbers, 1 to 2^r - 1, name every bit; parity not counted."""
        check = 2
        while 2**check - check - 1 < self.data_bits:
            check += 1
        return check

    @property
    def word_bits(self) -> int:
        """Bits n of a code word."""
        return self.data_bits + self.check_bits + self.detects_double

    @property
    def redundancy(self) -> float:
        """Stored bits a data bit, n / k; that of 2T2R is 2."""
        return self.word_bits / self.data_bits

    @property
    def name(self) -> str:
        """As the paper writes it.

        >>> HammingCode(4, detects_double=True).name
        'SECDED(8,4)'
        """
        kind = "SECDED" if self.detects_double else "SEC"
        return f"{kind}({self.word_bits},{self.data_bits})"

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Syndrome (n,) of an error in each bit; 0 for the parity bit of SECDED."""
        every = np.arange(1, 2**self.check_bits)
        is_check = (every & (every - 1)) == 0
        parity = [0] if self.detects_double else []
        return np.concatenate([every[~is_check][: self.data_bits], every[is_check], parity]).astype(
            np.int64
        )

    @cached_property
    def parity_check(self) -> Bits:
        """Parity-check matrix H (n - k, n); the last row of SECDED is all ones."""
        rows = (self.numbers >> np.arange(self.check_bits)[:, None]) & 1
        if self.detects_double:
            rows = np.vstack([rows, np.ones(self.word_bits, dtype=np.int64)])
        return rows.astype(np.uint8)

    @cached_property
    def generator(self) -> Bits:
        """Generator matrix G (k, n): data bits, check bits, parity; H G^T is 0."""
        checks = self.parity_check[: self.check_bits, : self.data_bits].T
        matrix = np.hstack([np.eye(self.data_bits, dtype=np.uint8), checks])
        if self.detects_double:
            matrix = np.hstack([matrix, matrix.sum(axis=1, keepdims=True) & 1])
        return matrix.astype(np.uint8)

    def encode(self, data: ArrayLike) -> Bits:
        """Code words (words, n) of data words (words, k).

        >>> HammingCode(4, detects_double=False).encode([[1, 0, 1, 1]]).tolist()
        [[1, 0, 1, 1, 0, 1, 0]]
        """
        return np.asarray(_word_bits(data, self.data_bits) @ self.generator & 1, dtype=np.uint8)

    def decode(self, words: ArrayLike) -> Decoded:
        """Data of words as read (words, n), with one error corrected or the word flagged.

        >>> code = HammingCode(4, detects_double=True)
        >>> word = code.encode([[1, 0, 1, 1]])
        >>> word[0, 2] ^= 1
        >>> code.decode(word).data.tolist(), code.decode(word).flagged.tolist()
        ([[1, 0, 1, 1]], [False])
        >>> word[0, 7] ^= 1
        >>> code.decode(word).data.tolist(), code.decode(word).flagged.tolist()
        ([[1, 0, 0, 1]], [True])
        """
        read = _word_bits(words, self.word_bits)
        # Sums of uint8 wrap at 256, an even number: the parity survives.
        checks = (read @ self.parity_check.T) & 1
        syndrome = checks[:, : self.check_bits] @ (1 << np.arange(self.check_bits))
        place = self._place_of_syndrome[syndrome]
        if self.detects_double:
            odd = checks[:, -1] == 1
            flagged = np.where(odd, place < 0, syndrome != 0)
            flipped = odd & ~flagged
        else:
            flagged = (place < 0) & (syndrome != 0)
            flipped = place >= 0
        corrected = read.copy()
        corrected[np.flatnonzero(flipped), place[flipped]] ^= 1
        return Decoded(corrected[:, : self.data_bits], flagged, flipped)

    @cached_property
    def _place_of_syndrome(self) -> NDArray[np.int64]:
        """Bit to flip for each syndrome, -1 for none."""
        places = np.full(2**self.check_bits, -1, dtype=np.int64)
        places[self.numbers] = np.arange(self.word_bits)
        return places

    def residual_ber(self, raw_ber: ArrayLike) -> NDArray[np.float64]:
        """Residual bit error rate where bits are wrong independently at ``raw_ber``; exact.

        A data bit j comes out wrong if it was wrong and not flipped, or right and flipped. It is
        flipped when the check sums equal its column of H; the probability of given check sums is
        a sum over the 2^(n-k) words of the dual code (MacWilliams and Sloane, chapter 5), each
        contributing (1 - 2p) to the power of its weight. For small p the SECDED(8,4) gives 7 p^2.

        >>> [f"{float(x):.3g}" for x in HammingCode(4, detects_double=True).residual_ber([1e-4])]
        ['7e-08']
        >>> [f"{float(x):.3g}" for x in HammingCode(4, detects_double=False).residual_ber([1e-4])]
        ['9e-08']
        """
        p = np.asarray(raw_ber, dtype=float)
        dual = self._dual_words
        weight = dual.sum(axis=1)
        log_keep = np.log1p(-2 * np.minimum(p, 0.5 - 1e-16))[..., None]
        wrong = np.zeros(p.shape)
        for data_bit in dual[:, : self.data_bits].T:
            lost = -np.expm1(log_keep * (weight - data_bit))
            sign = 1 - 2 * data_bit.astype(float)
            not_flipped = lost.mean(axis=-1)
            # The signs sum to 0, so only what is lost of each term remains.
            flipped = -(sign * lost).mean(axis=-1)
            wrong += p * not_flipped + (1 - p) * flipped
        return np.asarray(wrong / self.data_bits)

    @cached_property
    def _dual_words(self) -> NDArray[np.int64]:
        """All sums of rows of H, (2^(n-k), n)."""
        rows = len(self.parity_check)
        chosen = (np.arange(2**rows)[:, None] >> np.arange(rows)) & 1
        return np.asarray((chosen @ self.parity_check.astype(np.int64)) & 1)


SEC_CODES = tuple(HammingCode(k, detects_double=False) for k in (4, 11, 26, 57, 120))
"""SEC (7,4), (15,11), (31,26), (63,57), (127,120): Fig. 8b."""
SECDED_CODES = tuple(HammingCode(k, detects_double=True) for k in (4, 11, 26, 57, 64, 120))
"""SECDED (8,4), (16,11), (32,26), (64,57), (72,64), (128,120): Fig. 8c."""


@dataclass(frozen=True)
class CodeResult:
    """One code on measured errors."""

    code: HammingCode
    words: int
    raw: ClusteredRate
    """Wrong stored bits of the words used."""
    residual: ClusteredRate
    """Wrong data bits after decoding; the interval counts words, whose errors come together.
    Without an error ``high`` is the bound on failing words, of two or three wrong bits each."""
    words_wrong: int
    """Words with a wrong data bit after decoding."""
    words_flagged: int
    """Words detected as wrong and not corrected."""
    predicted: float
    """Closed form at the raw rate of the same words; more is left where errors cluster."""


def device_error_maps(
    pattern: NDArray[np.uint8], resistance: NDArray[np.float64], reference_ohm: float
) -> tuple[Bits, NDArray[np.bool_]]:
    """1T1R errors of every device and marks of unread ones, both (n, rows, 2 columns).

    ``pattern`` (n, rows, columns) of 0 and 1, ``resistance`` (n, rows, columns, 2) ohm of BL and
    BLb, NaN without a reading. Each device stores one bit: bit 0 is BL in LRS, bit 1 is BLb in LRS;
    a reading below the reference is LRS (paper, section 2.1). BL and BLb of a column are neighbours
    in the maps.

    >>> errors, unread = device_error_maps(
    ...     np.array([[[0, 1]]]), np.array([[[[1e4, 2e4], [2e5, np.nan]]]]), 5e4)
    >>> errors.tolist(), unread.tolist()
    ([[[0, 1, 0, 0]]], [[[False, False, False, True]]])
    """
    lrs_programmed = np.stack([pattern == 0, pattern == 1], axis=-1)
    read = np.isfinite(resistance) & (resistance > 0)
    wrong = read & ((resistance < reference_ohm) != lrs_programmed)
    shape = (*pattern.shape[:2], -1)
    return wrong.reshape(shape).astype(np.uint8), ~read.reshape(shape)


def words_of_maps(errors: ArrayLike, word_bits: int, layout: Layout) -> NDArray[np.uint8]:
    """Error maps (programmings, rows, columns) cut into words (programmings, words, n).

    A map is read row by row. ``consecutive``: bits i n to i n + n - 1 are word i. ``interleaved``:
    word i has the bits i, i + w, i + 2 w ... of the w words, so that neighbours are in different
    words. The last bits that fill no word are left out; no word has bits of two programmings.
    Raises ValueError for another shape and for maps smaller than a word.

    >>> words_of_maps(np.arange(6).reshape(1, 2, 3), 2, "interleaved").tolist()
    [[[0, 3], [1, 4], [2, 5]]]
    """
    maps = np.asarray(errors, dtype=np.uint8)
    if maps.ndim != 3:
        raise ValueError(f"error maps must be (programmings, rows, columns), not {maps.shape}")
    words = maps[0].size // word_bits if len(maps) else 0
    if words == 0:
        raise ValueError(f"maps {maps.shape} hold no word of {word_bits} bits")
    bits = maps.reshape(len(maps), -1)[:, : words * word_bits]
    if layout == "consecutive":
        return bits.reshape(len(maps), words, word_bits)
    return bits.reshape(len(maps), word_bits, words).swapaxes(1, 2)


def has_words(unread: ArrayLike, code: HammingCode, layout: Layout = "interleaved") -> bool:
    """Whether maps with these unread bits hold a whole word of a code.

    >>> code = HammingCode(4, detects_double=False)
    >>> has_words(np.zeros((1, 1, 8)), code), has_words(np.zeros((1, 1, 6)), code)
    (True, False)
    >>> has_words(np.ones((1, 1, 8)), code)
    False
    """
    marks = np.asarray(unread, dtype=bool)
    if not len(marks) or marks[0].size < code.word_bits:
        return False
    return not words_of_maps(marks, code.word_bits, layout).any(axis=-1).all()


def run_code(
    code: HammingCode,
    errors: ArrayLike,
    generator: np.random.Generator,
    layout: Layout = "interleaved",
    unread: ArrayLike | None = None,
) -> CodeResult:
    """Encode random data, add measured errors, decode, count.

    ``errors`` (programmings, rows, columns) of 0 and 1: where the 1T1R read was wrong, as
    ``device_error_maps`` gives them. Words with a bit marked in ``unread`` (equal shape) are left
    out. Raises ValueError as ``words_of_maps``, for values other
    than 0 and 1, and when no word is left.

    >>> generator = np.random.default_rng(0)
    >>> errors = generator.random((100, 32, 64)) < 0.012
    >>> result = run_code(HammingCode(4, detects_double=True), errors, generator)
    >>> result.words, round(result.residual.rate.value, 5), round(result.predicted, 5)
    (25600, 0.00106, 0.00098)
    """
    patterns = words_of_maps(errors, code.word_bits, layout).reshape(-1, code.word_bits)
    if patterns.max() > 1:
        raise ValueError("error maps hold 0 (right) and 1 (wrong) only")
    if unread is not None:
        missing = words_of_maps(unread, code.word_bits, layout).reshape(-1, code.word_bits)
        patterns = patterns[~missing.any(axis=1)]
    if len(patterns) == 0:
        raise ValueError("every word has an unread bit: nothing can be decoded")
    data = generator.integers(0, 2, (len(patterns), code.data_bits), dtype=np.uint8)
    decoded = code.decode(code.encode(data) ^ patterns)
    wrong = np.count_nonzero(decoded.data != data, axis=1)
    raw = effective_rate(patterns.sum(axis=1), np.full(len(patterns), code.word_bits))
    return CodeResult(
        code=code,
        words=len(patterns),
        raw=raw,
        residual=_residual(code, wrong),
        words_wrong=int(np.count_nonzero(wrong)),
        words_flagged=int(np.count_nonzero(decoded.flagged)),
        predicted=float(code.residual_ber(raw.rate.value)),
    )


def run_codes(
    codes: Iterable[HammingCode],
    errors: ArrayLike,
    generator: np.random.Generator,
    layout: Layout = "interleaved",
    unread: ArrayLike | None = None,
) -> list[CodeResult]:
    """``run_code`` for each code."""
    return [run_code(code, errors, generator, layout, unread) for code in codes]


def _residual(code: HammingCode, wrong: NDArray[np.int64]) -> ClusteredRate:
    """Rate of wrong data bits of decoded words; ``wrong`` (words,)."""
    rate = effective_rate(wrong, np.full(len(wrong), code.data_bits))
    if rate.errors:
        return rate
    # A word that fails with two errors has up to two (flagged) or three (miscorrected) wrong bits.
    words_bound = error_rate(0, len(wrong)).high or 1.0
    high = words_bound * (2 if code.detects_double else 3) / code.data_bits
    return replace(rate, rate=Estimate(0.0, 0.0, min(high, 1.0)))


def _word_bits(words: ArrayLike, length: int) -> Bits:
    bits = np.asarray(words, dtype=np.uint8)
    if bits.ndim != 2 or bits.shape[1] != length:
        raise ValueError(f"words must be (words, {length}), not {bits.shape}")
    return bits

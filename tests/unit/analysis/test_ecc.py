"""Hamming codes against brute force over every error pattern, and on planted errors."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from labctl.analysis.ecc import SEC_CODES, SECDED_CODES, HammingCode, run_code, words_of_maps

ALL_CODES = SEC_CODES + SECDED_CODES
BY_NAME = {code.name: code for code in ALL_CODES}


def patterns_of_weight(n: int, weight: int) -> np.ndarray:
    places = np.array(list(combinations(range(n), weight)))
    patterns = np.zeros((len(places), n), dtype=np.uint8)
    patterns[np.arange(len(places))[:, None], places] = 1
    return patterns


def test_the_codes_are_those_of_the_figure() -> None:
    assert list(BY_NAME) == [
        *("SEC(7,4)", "SEC(15,11)", "SEC(31,26)", "SEC(63,57)", "SEC(127,120)"),
        *("SECDED(8,4)", "SECDED(16,11)", "SECDED(32,26)"),
        *("SECDED(64,57)", "SECDED(72,64)", "SECDED(128,120)"),
    ]
    assert BY_NAME["SECDED(8,4)"].redundancy == 2.0


@pytest.mark.parametrize("code", ALL_CODES, ids=list(BY_NAME))
class TestEveryCode:
    def data(self, code: HammingCode, words: int) -> np.ndarray:
        generator = np.random.default_rng(words)
        return generator.integers(0, 2, (words, code.data_bits), dtype=np.uint8)

    def test_columns_differ_and_generator_fits_the_checks(self, code: HammingCode) -> None:
        columns = {tuple(column) for column in code.parity_check.T.tolist()}
        assert len(columns) == code.word_bits
        assert not ((code.generator.astype(int) @ code.parity_check.T) % 2).any()

    def test_every_single_error_is_corrected(self, code: HammingCode) -> None:
        singles = np.eye(code.word_bits, dtype=np.uint8)
        data = self.data(code, len(singles))
        decoded = code.decode(code.encode(data) ^ singles)
        assert (decoded.data == data).all()
        assert decoded.flipped.all()
        assert not decoded.flagged.any()

    def test_a_clean_word_is_left_alone(self, code: HammingCode) -> None:
        data = self.data(code, 50)
        decoded = code.decode(code.encode(data))
        assert (decoded.data == data).all()
        assert not (decoded.flagged | decoded.flipped).any()

    def test_double_errors(self, code: HammingCode) -> None:
        """SECDED flags every one and changes nothing; SEC makes it worse wherever it flips."""
        doubles = patterns_of_weight(code.word_bits, 2)
        data = self.data(code, len(doubles))
        decoded = code.decode(code.encode(data) ^ doubles)
        if code.detects_double:
            assert decoded.flagged.all()
            assert (decoded.data == data ^ doubles[:, : code.data_bits]).all()
        else:
            assert decoded.flipped.all()
            assert (decoded.data != data).any(axis=1).mean() > 0.8

    def test_closed_form_at_small_rates_counts_the_double_errors(self, code: HammingCode) -> None:
        doubles = patterns_of_weight(code.word_bits, 2)
        zero = np.zeros((len(doubles), code.data_bits), dtype=np.uint8)
        wrong = np.count_nonzero(code.decode(code.encode(zero) ^ doubles).data)
        p = 1e-9
        assert code.residual_ber(p) == pytest.approx(wrong / code.data_bits * p**2, rel=1e-5)

    def test_closed_form_on_random_errors(self, code: HammingCode) -> None:
        generator = np.random.default_rng(8)
        errors = generator.random((300, 32, 64)) < 0.02
        result = run_code(code, errors, generator)
        assert result.residual.rate.low < code.residual_ber(0.02) < result.residual.rate.high
        assert result.residual.design_effect is not None
        assert result.residual.design_effect > 1


@pytest.mark.parametrize(
    "code",
    [HammingCode(4, False), HammingCode(4, True), HammingCode(5, True), HammingCode(6, False)],
)
def test_closed_form_is_the_sum_over_all_patterns(code: HammingCode) -> None:
    p, n = 0.07, code.word_bits
    patterns = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.uint8)
    weight = patterns.sum(axis=1)
    probability = p**weight * (1 - p) ** (n - weight)
    wrong = code.decode(patterns).data.mean(axis=1)
    assert code.residual_ber(p) == pytest.approx(float(np.dot(probability, wrong)), rel=1e-12)


def test_secded_8_4_is_seven_p_squared() -> None:
    """Device-model.md, section 0: the uncorrected double errors, nearly the ideal 2T2R."""
    assert BY_NAME["SECDED(8,4)"].residual_ber(1e-5) == pytest.approx(7e-10, rel=1e-3)


def test_residual_of_half_is_half() -> None:
    for code in ALL_CODES:
        assert code.residual_ber(0.5) == pytest.approx(0.5)


def test_shortened_sec_flags_syndromes_of_no_bit() -> None:
    code = HammingCode(5, detects_double=False)
    doubles = patterns_of_weight(code.word_bits, 2)
    decoded = code.decode(doubles)
    assert decoded.flagged.any()
    assert (decoded.data[decoded.flagged] == doubles[decoded.flagged][:, :5]).all()


def test_layouts_cut_a_map_into_all_its_bits() -> None:
    maps = np.arange(2 * 4 * 5).reshape(2, 4, 5)
    consecutive = words_of_maps(maps, 7, "consecutive")
    assert consecutive[1].tolist() == [list(range(20, 27)), list(range(27, 34))]
    interleaved = words_of_maps(maps, 7, "interleaved")
    assert interleaved[0].tolist() == [list(range(0, 14, 2)), list(range(1, 14, 2))]


def test_interleaving_saves_errors_that_are_neighbours() -> None:
    generator = np.random.default_rng(3)
    starts = generator.random((200, 32, 64)) < 0.003
    errors = starts | np.roll(starts, 1, axis=2)
    code = BY_NAME["SECDED(8,4)"]
    interleaved = run_code(code, errors, generator, "interleaved")
    consecutive = run_code(code, errors, generator, "consecutive")
    assert interleaved.residual.rate.high < consecutive.residual.rate.low / 5
    assert consecutive.predicted < consecutive.residual.rate.low


def test_one_error_a_word_leaves_nothing_and_a_bound() -> None:
    errors = np.zeros((3, 32, 32))
    errors[:, 0, 0] = 1
    result = run_code(BY_NAME["SEC(7,4)"], errors, np.random.default_rng(0))
    assert result.raw.errors == 3
    assert (result.residual.errors, result.words_wrong, result.words_flagged) == (0, 0, 0)
    assert result.residual.rate.high > 0


def test_flagged_words_count_their_wrong_data_bits() -> None:
    errors = np.zeros((1, 1, 8))
    errors[0, 0, [0, 1]] = 1
    result = run_code(BY_NAME["SECDED(8,4)"], errors, np.random.default_rng(0))
    assert (result.words_flagged, result.words_wrong, result.residual.errors) == (1, 1, 2)


def test_words_with_unread_bits_are_left_out() -> None:
    errors = np.zeros((2, 2, 8))
    unread = np.zeros((2, 2, 8), dtype=bool)
    unread[1, 1, 3] = True
    code = BY_NAME["SECDED(8,4)"]
    generator = np.random.default_rng(0)
    assert run_code(code, errors, generator, "consecutive", unread).words == 3
    with pytest.raises(ValueError, match="nothing can be decoded"):
        run_code(code, errors, generator, "consecutive", np.ones((2, 2, 8)))


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        (np.zeros((4, 8)), "must be"),
        (np.zeros((1, 2, 3)), "no word"),
        (np.zeros((0, 8, 8)), "no word"),
        (np.full((1, 8, 8), 2), "0 .right. and 1"),
    ],
)
def test_wrong_maps_are_refused(errors: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_code(BY_NAME["SEC(7,4)"], errors, np.random.default_rng(0))


def test_words_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(words, 4\)"):
        BY_NAME["SEC(7,4)"].encode(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="data bits"):
        HammingCode(0, detects_double=False)

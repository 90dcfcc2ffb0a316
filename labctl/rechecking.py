"""Before a run goes on with a die as it is: is it that die, and does it read as the run left it?

The instruments must be those of the run, and a few bits are read with the SMUs at the read voltage:
no pulse. Their devices must show the resistance that the run last read and has not pulsed since;
where it has none, devices that got forming pulses must read as formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import TestChip
from labctl.bench import Bench
from labctl.store.folder import ARRAYS, RunFolder
from labctl.store.journal import StepEnd
from labctl.store.wear import BlockState, blocks
from procedures.parameters import quantity_text

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

MOST_BITS = 64
"""So many bits are read at most, in about two seconds of the real bench."""
SAME_WITHIN = 2.0
"""A device reads the same within this factor: telegraph noise and a night's drift stay below."""
OTHER_SHARE, OTHER_DEVICES = 0.125, 4
"""A larger share of devices that read otherwise, and so many at least, refuse the die. Of another
simulated die, programmed alike, a third does; of the same one a day later none."""
DEVICES = ("BL", "BLb")

_NAMED = 3
"""So many devices are named in a sentence."""
_RESISTANCE = "resistance.npys"


class DieMismatchError(RuntimeError):
    """Not the bench, or not the die, that the run left; no pulse was sent."""

    def __init__(self, sentence: str, option: str = "") -> None:
        """``option``: of ``labctl resume``, with which the run goes on all the same, if any."""
        super().__init__(sentence)
        self.option = option


@dataclass(frozen=True, eq=False)
class LastSeen:
    """What the complete steps of a run say of its die, arrays (rows, columns, 2)."""

    step: int | None
    """The last of them; None if there is none."""
    ohm: Floats
    """Resistance at the read voltage, last reading; NaN where there is none, or a pulse since."""
    formed: Mask
    """Got forming pulses in this run or an earlier one, and was not found unusable."""

    def bits(self, retired: Mask) -> Mask:
        """The bits (rows, columns) to read: those with a resistance, else those formed."""
        known = np.isfinite(self.ohm).any(axis=-1) & ~retired
        return _spread(known if known.any() else self.formed.any(axis=-1) & ~retired)


@dataclass(frozen=True)
class Recheck:
    """What is asked of bench and die before a run goes on.

    ``instruments`` are those of the run's record, empty if it never opened its bench; ``retired``
    bits are not read. With ``accept_change`` a die that reads otherwise is told, not refused.
    """

    instruments: dict[str, Any]
    seen: LastSeen
    retired: Mask
    accept_change: bool = False

    def of(self, bench: Bench) -> str:
        """Look at an open bench; one sentence on what was found. Raises `DieMismatchError`."""
        problem = other_instruments(self.instruments, bench.identity)
        if problem:
            raise DieMismatchError(
                f"{problem}: not the instruments that the run began on; put them back, or begin a "
                "new run"
            )
        return self._of_die(bench.chip)

    def _of_die(self, chip: TestChip) -> str:
        bits = self.seen.bits(self.retired)
        if not bits.any():
            return "The die could not be re-checked: the run has neither read nor formed a device."
        now = chip.measure(bits)
        asked, other = self._compared(bits, now, chip.description.levels.unformed_above)
        total, wrong = np.count_nonzero(asked), np.count_nonzero(other)
        left = "as formed" if np.isnan(self.seen.ohm[asked]).all() else "as the run left them"
        told = f"{total - wrong} of {total} devices read {left}"
        if wrong:
            told += f"; not so {self._named(other, now)}"
        if wrong < OTHER_DEVICES or wrong <= OTHER_SHARE * total:
            return f"Re-checked the die: {told}."
        if self.accept_change:
            return f"THE DIE HAS CHANGED, which was accepted: {told}."
        raise DieMismatchError(
            f"the die is not as step {self.seen.step} left it: {told}; no pulse was sent. Is it "
            "that die, and do the probes touch (`labctl run contact`)? --accept-change goes on "
            "all the same",
            option="--accept-change",
        )

    def _compared(self, bits: Mask, now: Floats, unformed_above: float) -> tuple[Mask, Mask]:
        """Devices that something is known of, and those of them that read otherwise."""
        known = np.isfinite(self.seen.ohm) & bits[..., np.newaxis]
        if known.any():
            same = np.abs(np.log(now / self.seen.ohm)) <= np.log(SAME_WITHIN)
            return known, known & ~same
        formed = self.seen.formed & bits[..., np.newaxis]
        return formed, formed & ~(now < unformed_above)

    def _named(self, devices: Mask, now: Floats) -> str:
        """Some devices with what they read now, and before."""
        where = np.argwhere(devices).tolist()
        names = []
        for row, column, device in where[:_NAMED]:
            place = row, column, device
            then = self.seen.ohm[place]
            was = f", was {_ohms(then)}" if np.isfinite(then) else ""
            reads = _ohms(now[place]) if np.isfinite(now[place]) else "no reading"
            names.append(f"row {row} column {column} {DEVICES[device]} ({reads}{was})")
        more = len(where) - _NAMED
        return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def last_seen(run: RunFolder, formed_earlier: Mask) -> LastSeen:
    """What a run's complete steps say; ``formed_earlier`` (rows, columns, 2) is of other runs."""
    ohm, formed = np.full(formed_earlier.shape, np.nan), formed_earlier.copy()
    marks = run.journal.step_ends()
    if not marks:
        return LastSeen(None, ohm, formed)
    for block in blocks(run.journal.events_until(marks[-1].offset)):
        for booking in block.bookings:
            if booking.kind == "form" and block.state is BlockState.CONFIRMED:
                formed |= booking.counts > 0
    for file in marks[-1].lengths:
        if file.endswith(_RESISTANCE):
            reading = _last_reading(run, file, marks)
            if reading.shape == ohm.shape:
                ohm = np.where(np.isfinite(reading), reading, ohm)
    return LastSeen(marks[-1].step, ohm, formed & ~_unusable(run, formed.shape))


def other_instruments(recorded: dict[str, Any], now: dict[str, Any]) -> str:
    """How the mainframe and its modules differ from those recorded; empty if they do not.

    What the recorded ones did not tell is not asked; a new firmware makes no other instrument.
    """
    for name in ("maker", "model", "serial"):
        if recorded.get(name) is not None and recorded[name] != now.get(name):
            return f"the mainframe's {name} is {now.get(name)}, that of the run is {recorded[name]}"
    modules, found = recorded.get("modules", {}), now.get("modules", {})
    for slot, module in modules.items():
        if module != found.get(slot):
            return f"slot {slot} holds {_module(found.get(slot))}, in the run {_module(module)}"
    return ""


def _module(module: dict[str, Any] | None) -> str:
    if module is None:
        return "nothing"
    return f"a {module['model']}, revision {module['revision']}"


def _last_reading(run: RunFolder, file: str, marks: list[StepEnd]) -> Floats:
    """An array's last record, NaN for devices that got pulses after its step's end.

    In a step that pulses and reads, the reading comes last.
    """
    records = run.array(file.removeprefix(f"{ARRAYS}/").removesuffix(".npys"))
    if records.ndim < 4:
        # Readings within loops belong to no state that stays.
        return np.empty(0)
    reading: Floats = records[-1].reshape(-1, *records.shape[-3:])[-1].copy()
    length = marks[-1].lengths[file]
    read = next(mark for mark in marks if mark.lengths.get(file) == length)
    for block in blocks(run.journal.events_from(read.offset)):
        for booking in block.bookings:
            if booking.counts.shape == reading.shape:
                reading[booking.counts > 0] = np.nan
    return reading


def _unusable(run: RunFolder, shape: tuple[int, ...]) -> Mask:
    """Devices that the run found unformed or unreadable."""
    unusable, marks = np.zeros(shape, dtype=bool), run.array("unformed").astype(bool)
    if marks.ndim == len(shape) + 1:
        return np.asarray(marks.any(axis=0))
    if len(marks):
        rows = run.array("row") if run.has_array("row") else np.arange(len(marks))
        unusable[rows] = marks
    return unusable


def _ohms(value: float) -> str:
    return quantity_text(float(f"{value:.3g}"), "ohm")


def _spread(bits: Mask) -> Mask:
    """At most `MOST_BITS` of a mask, evenly spread over it."""
    places = np.flatnonzero(bits)
    chosen = np.zeros(bits.size, dtype=bool)
    if len(places):
        count = min(MOST_BITS, len(places))
        chosen[places[np.linspace(0, len(places) - 1, count).round().astype(int)]] = True
    return chosen.reshape(bits.shape)

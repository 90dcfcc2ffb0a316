"""A tiny chip for tests of the instruments: it records what reaches it and answers set currents."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from instruments.sim.waveform import Floats, PadWaveform


class FakeChip:
    """Implements `instruments.sim.station.ChipAtItsPads`.

    A pad's DC current is ``currents[pad]`` (A) where that is set, else what a resistor of
    ``resistances[pad]`` (ohm) to ground draws, else 0. ``selected`` is (row, column), ``held`` what
    each pad was last held at (None: open), ``played`` every waveform in order.
    """

    def __init__(
        self,
        currents: Mapping[str, float] | None = None,
        resistances: Mapping[str, float] | None = None,
    ) -> None:
        self.currents = dict(currents or {})
        self.resistances = dict(resistances or {})
        self.selected: tuple[int, int] | None = None
        self.held: dict[str, float | None] = {}
        self.holds: list[tuple[str, float | None]] = []
        self.played: list[PadWaveform] = []

    def select(self, row: int, column: int) -> None:
        self.selected = (row, column)

    def hold(self, pad: str, volts: float | None) -> None:
        self.held[pad] = volts
        self.holds.append((pad, volts))

    def current(self, pad: str) -> float:
        return self._current_at(pad, self.held.get(pad))

    def play(
        self, waveform: PadWaveform, samples: Mapping[str, Floats] | None = None
    ) -> dict[str, Floats]:
        self.played.append(waveform)
        for pad, volts in waveform.volts.items():
            self.held[pad] = float(volts[-1])
        return {pad: self._sampled(pad, times, waveform) for pad, times in (samples or {}).items()}

    def _sampled(self, pad: str, times: Floats, waveform: PadWaveform) -> Floats:
        if pad in waveform.volts:
            volts = np.interp(times, waveform.times, waveform.volts[pad])
        else:
            volts = np.full(len(times), self.held.get(pad) or 0.0)
        return np.array([self._current_at(pad, float(value)) for value in volts], dtype=np.float64)

    def _current_at(self, pad: str, volts: float | None) -> float:
        if pad in self.currents:
            return self.currents[pad]
        if volts is None or pad not in self.resistances:
            return 0.0
        return volts / self.resistances[pad]

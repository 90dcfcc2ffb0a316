"""The pulse generator mode's source: 50 ohm in series, the programmed voltage without load
(instruments.md, section 1.9).

How a pad answers to a voltage shows only when the voltage is there, and cannot be taken back. So
the drop follows from what the pad last showed: while it takes current, as a resistor with the last
voltage over the last current; while it gives current, with that current as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from instruments.sim.waveform import Floats

SOURCE_OHM = 50.0


@dataclass(frozen=True)
class Load:
    """What a pad last showed: its voltage (V), and the current (A) that it took."""

    volts: float = 0.0
    amperes: float = 0.0

    def dropped(self, open_volts: Floats) -> Floats:
        """Voltage at the pad for voltages programmed without load."""
        drop = SOURCE_OHM * self.amperes
        if self.volts * self.amperes > 0:
            return open_volts * (self.volts / (self.volts + drop))
        return open_volts - drop


NO_LOAD = Load()

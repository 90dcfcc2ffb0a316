"""Table 1: bit error rates before aging, and energies, of its three conditions."""

from __future__ import annotations

from labctl.reproduce.measured import NOTHING, Measured, averaged
from labctl.reproduce.quantities.common import Quantity, finite, pooled, scaled
from labctl.reproduce.runs_of import Runs

ENERGY = "table1_energy"
PICO = 1e12


def _ber(key: str) -> Quantity:
    """2T2R BER of the first cycles, over many pairs."""

    def measure(runs: Runs) -> Measured:
        rates = [window["ber_2t2r"] for s in runs.summaries(key) for window in s["windows"]]
        return pooled(rates) if rates else NOTHING

    return measure


def _energy(label: str, pulse: str) -> Quantity:
    """Median energy of a pulse over devices, mean over dies, in pJ."""

    def measure(runs: Runs) -> Measured:
        medians, devices = [], 0
        for summary in runs.summaries(ENERGY):
            for condition in summary["energy_conditions"]:
                if condition["label"] == label:
                    medians += finite([condition[pulse]["median_j"]])
                    devices += condition[pulse]["devices"]
        return scaled(averaged(medians, devices), PICO)

    return measure


QUANTITIES: dict[str, Quantity] = {
    "table1_strong_ber": _ber("table1_strong_ber"),
    "table1_fast_ber": _ber("table1_fast_ber"),
    "ber_1e8_from_1e7": _ber("table1_strong_ber"),
    **{
        f"energy_{label}_{pulse}": _energy(label, pulse)
        for label in ("strong", "endurance", "energy")
        for pulse in ("set", "reset")
    },
    "energy_a_bit": _energy("energy", "set"),
}

"""Report of a weights run: a network's weights in the array (paper, section 3.1, Fig. 4e-f)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.error_rates import ErrorRate
from labctl.analysis.estimates import Estimate
from labctl.analysis.network import BinarizedNetwork
from labctl.analysis.variance import VarianceComponents
from labctl.analysis.weights import (
    NetworkAccuracy,
    WeightsResult,
    analyse_weights,
    network_accuracy,
)
from labctl.report.any_run import RunReport
from labctl.report.page import INTERVAL, Content, Headline, TableBlock, rate_headline
from labctl.report.text import cell_names, count, ohms, percent
from labctl.report.weights_figures import weights_figures
from labctl.resources import data_folder

NOTHING = "No tile was programmed and read in this run."
NETWORK = "digits-network.npz"
NOT_MEASURED = (
    "currents and energy of the programming pulses, sense time of the PCSA, retention, read "
    "disturb, endurance; temperature is not controlled"
)


class WeightsReport(RunReport):
    """Error rates by array, tile, weight and cell; accuracy of the network that ships."""

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]] | None:
        """Arrays of the programmings that are complete; None without one."""
        names = ("programming", "pattern", "resistance", "sensed")
        found = {name: self.stored(name) for name in ("weights", "tiling", *names)}
        arrays = {name: array for name, array in found.items() if array is not None}
        if len(arrays) < len(found):
            return None
        complete = min(len(arrays[name]) for name in names)
        return {
            "weights": arrays["weights"][0],
            "tiling": arrays["tiling"][0],
            **{name: arrays[name][:complete] for name in names},
        }

    @cached_property
    def result(self) -> WeightsResult | None:
        """The analysis; None where no tile was reached."""
        if self._arrays is None:
            return None
        reference_ohm = float(self.run.record["parameters"]["reference"])
        return analyse_weights(**self._arrays, reference_ohm=reference_ohm)

    @cached_property
    def accuracy(self) -> NetworkAccuracy | None:
        """With the weights as read; None for other weights than the shipped ones, or no PCSA."""
        if self._arrays is None or self.result is None or not self.result.array.ber_2t2r.trials:
            return None
        network = BinarizedNetwork.load(data_folder() / "patterns" / NETWORK)
        arrays = dict(self._arrays)
        if not np.array_equal(arrays.pop("weights"), network.last):
            return None
        del arrays["resistance"]
        return network_accuracy(network, **arrays)

    def summary(self) -> dict[str, Any]:
        """Rates as objects of errors, trials, value, low, high; resistances in ohm."""
        result, accuracy = self.result, self.accuracy
        if result is None:
            return {"programmings": 0}
        array, dead = result.array, result.dead_cells
        return {
            "programmings": array.programmings,
            "ber_2t2r": array.ber_2t2r.as_dict(),
            "ber_1t1r": array.best.rate.as_dict(),
            "ber_1t1r_fixed": array.fixed.rate.as_dict(),
            "best_reference_ohm": array.best.reference_ohm,
            "fixed_reference_ohm": array.fixed.reference_ohm,
            "median_ohm": {
                state: {device: array.median_ohm(state, device) for device in ("BL", "BLb")}
                for state in ("LRS", "HRS")
            },
            "tiles": [
                {
                    "tile": one.tile,
                    "weights": one.weights,
                    "as_is": one.as_is.as_dict(),
                    "inverse": one.inverse.as_dict(),
                    "both": one.both.as_dict(),
                }
                for one in result.tiles
            ],
            "weights_never_wrong": result.weights_never_wrong.as_dict(),
            "dead_cells": None if dead is None else [list(cell) for cell in dead],
            "variability": {
                state: _components(found) for state, found in result.components.items()
            },
            "network": None
            if accuracy is None
            else {
                "test_images": accuracy.images,
                "right_ideal": accuracy.ideal,
                "right_measured": accuracy.measured,
                "wrong_weights": accuracy.wrong_weights,
                "weights_taken_as_ideal": accuracy.ideal_weights,
            },
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """Rates, tiles, cells, variability, what the network makes of it."""
        if not summary["programmings"]:
            return [("Measured programmings", "none")]
        rates = {
            name: ErrorRate(**summary[name]) for name in ("ber_2t2r", "ber_1t1r", "ber_1t1r_fixed")
        }
        rows = [("Measured programmings", str(summary["programmings"]))]
        if rates["ber_2t2r"].trials:
            tiles = {one["tile"]: ErrorRate(**one["both"]) for one in summary["tiles"]}
            worst = max(tiles, key=lambda tile: tiles[tile].value or 0.0)
            never = ErrorRate(**summary["weights_never_wrong"])
            rows += [
                ("2T2R bit error rate", str(rates["ber_2t2r"])),
                ("Tiles", f"{len(tiles)}; the worst is tile {worst}: {tiles[worst]}"),
                ("Weights never wrong", f"{never.errors} of {never.trials}"),
                ("Dead cells", cell_names(summary["dead_cells"])),
            ]
        if rates["ber_1t1r_fixed"].trials:
            best, fixed = ohms(summary["best_reference_ohm"]), ohms(summary["fixed_reference_ohm"])
            rows += [
                ("1T1R, best reference", f"{rates['ber_1t1r']}, at {best}"),
                ("1T1R, fixed reference", f"{rates['ber_1t1r_fixed']}, at {fixed}"),
            ]
        rows += [
            (f"{state}, device to device", _variability_text(found))
            for state, found in summary["variability"].items()
            if found
        ]
        if summary["network"]:
            rows.append(("Network, right answers", _network_text(summary["network"])))
        return rows

    def content(self) -> Content:
        """Headline numbers, figures, a table of the tiles."""
        result = self.result
        if result is None:
            return Content(warnings=[NOTHING])
        return Content(
            headlines=_headlines(result, self.accuracy),
            warnings=_warnings(result),
            figures=weights_figures(result),
            tables=[_tiles_table(result)],
            measurement=_measurement(result, self.accuracy),
            notes=self._notes(),
        )

    def _notes(self) -> list[str]:
        notes = [
            "Each tile and its inverse alternate, so every programming switches every device; both "
            "count in the error rates. The extra inverse before each tile is in no count.",
            "The intervals treat every programming as an independent trial. Errors cluster in weak "
            "cells, so a statement about other dies is less certain than the intervals say.",
            "The best reference is chosen on the same readings it is judged by.",
        ]
        if self.accuracy is not None:
            notes.append(
                "Right answers: the network's hidden layers are computed, its last layer is what "
                "the amplifiers read after each programming of the tiles as they are. Data set and "
                "training: data/patterns/digits.toml."
            )
        if self.run.record["simulated"]:
            notes.append(
                "This is a simulated chip on simulated instruments: it tests the method, and says "
                "nothing about a real die."
            )
        return notes


def _components(found: VarianceComponents | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "device_sigma": found.device_sigma.as_dict(),
        "cycle_sigma": found.cycle_sigma.as_dict(),
        "device_share": found.device_share.as_dict(),
    }


def _variability_text(found: dict[str, Any]) -> str:
    device, cycle, share = (
        Estimate(**found[name]) for name in ("device_sigma", "cycle_sigma", "device_share")
    )
    return (
        f"{device.value:.3f} decades, cycle to cycle {cycle.value:.3f}; share of the variance "
        f"{percent(share.value)} [{percent(share.low)}, {percent(share.high)}]"
    )


def _network_text(network: dict[str, Any]) -> str:
    images, measured = network["test_images"], network["right_measured"]
    if not measured:
        return f"{network['right_ideal']} of {images} with ideal weights"
    low, high = min(measured), max(measured)
    span = str(low) if low == high else f"{low} to {high}"
    return f"{span} of {images} as read; {network['right_ideal']} with ideal weights"


def _headlines(result: WeightsResult, accuracy: NetworkAccuracy | None) -> list[Headline]:
    array, headlines = result.array, []
    if array.ber_2t2r.trials:
        never = result.weights_never_wrong
        headlines += [
            rate_headline("2T2R bit error rate", array.ber_2t2r),
            Headline(
                "Weights never wrong", str(never.errors), [f"of {count(never.trials, 'weight')}"]
            ),
        ]
    if array.fixed.trials:
        label = f"1T1R, best reference {ohms(array.best.reference_ohm)}"
        headlines.append(rate_headline(label, array.best.rate))
    if accuracy is not None and accuracy.measured:
        mean = float(np.mean(accuracy.measured)) / accuracy.images
        headlines.append(
            Headline(
                "Right answers of the network",
                percent(mean),
                [
                    f"{min(accuracy.measured)} to {max(accuracy.measured)} of "
                    f"{count(accuracy.images, 'image')}",
                    f"ideal weights: {percent(accuracy.ideal / accuracy.images)}",
                ],
            )
        )
    if array.ber_2t2r.trials:
        headlines.append(
            Headline("Dead cells", "no statement", ["fewer than 10 programmings of a value"])
            if result.dead_cells is None
            else Headline("Dead cells", str(len(result.dead_cells)), ["always wrong in a value"])
        )
    return headlines


def _warnings(result: WeightsResult) -> list[str]:
    if not result.dead_cells:
        return []
    names = cell_names([list(cell) for cell in result.dead_cells])
    return [f"Dead cells (wrong in every programming of 0, or of 1): {names}."]


def _tiles_table(result: WeightsResult) -> TableBlock:
    return TableBlock(
        "Tiles",
        ["Tile", "Weights", "2T2R, as they are", "2T2R, inverse", "2T2R, both"],
        [
            [str(one.tile), str(one.weights), str(one.as_is), str(one.inverse), str(one.both)]
            for one in result.tiles
        ],
    )


def _measurement(result: WeightsResult, accuracy: NetworkAccuracy | None) -> list[tuple[str, str]]:
    rows = [
        (
            "Measured programmings",
            f"{result.array.programmings}, of {count(len(result.tiles), 'tile')}",
        ),
        ("Coding", "bit 0: BL in LRS, BLb in HRS; bit 1: BL in HRS, BLb in LRS"),
        ("1T1R trial", "one device programming; LRS below the reference, HRS at or above it"),
        ("2T2R trial", "one bit programming, sensed once by the PCSA"),
        ("Interval", INTERVAL),
        ("Dead cell", "wrong in every programming of 0, or of 1, from 10 of each on"),
    ]
    rows += [
        (f"{state}, device to device", _variability_text(found))
        for state, components in result.components.items()
        if (found := _components(components))
    ]
    if accuracy is not None and accuracy.ideal_weights:
        rows.append(
            (
                "Weights taken as ideal",
                f"{accuracy.ideal_weights}, not programmed or not read, for the right answers",
            )
        )
    return [*rows, ("Not measured", NOT_MEASURED)]

"""Figures of a program run: bits, resistances, distributions, repetitions."""

from __future__ import annotations

import numpy as np

from labctl.analysis.program import ProgramResult
from labctl.report import drawing
from labctl.report.bit_maps import bits_as_numbers, resistance_maps_figure, two_maps_figure
from labctl.report.checkerboard_figures import sigma_figure
from labctl.report.page import FigureBlock
from labctl.report.text import count


def program_figures(result: ProgramResult) -> list[FigureBlock]:
    """Those for which there is anything to draw."""
    drawn = []
    if (result.sensed <= 1).any():
        drawn.append(_bits_block(result))
    if np.isfinite(result.resistance).any():
        drawn += [_resistance_block(result), _sigma_block(result)]
    if len(result.rounds) > 1:
        drawn.append(_attempts_block(result))
    return [
        FigureBlock(f"Figure {number}. {title}", png, alt, caption)
        for number, (title, png, alt, caption) in enumerate(drawn, start=1)
    ]


def _bits_block(result: ProgramResult) -> tuple[str, bytes, str, str]:
    wrong = int(np.count_nonzero(result.wrong))
    figure = two_maps_figure(
        ("Written", "Read by the amplifiers, at the end"),
        (bits_as_numbers(result.pattern), bits_as_numbers(result.sensed)),
        result.wrong,
        "Bit",
    )
    return (
        "Bits",
        figure,
        "Two maps of the array: the bits that were written, and those that were read",
        f"A cross marks a wrong bit: {wrong} of {count(result.bits, 'bit')}. White: not "
        "programmed, or not read.",
    )


def _resistance_block(result: ProgramResult) -> tuple[str, bytes, str, str]:
    return (
        "Resistances at the end",
        resistance_maps_figure(result.resistance),
        "Two maps of the array with the resistance of the BL and of the BLb devices",
        "By the SMUs, access transistor included. White: not programmed, or no valid reading.",
    )


def _sigma_block(result: ProgramResult) -> tuple[str, bytes, str, str]:
    return (
        "Resistance distributions of the first programming",
        sigma_figure(result.first),
        "Sigma plot of the LRS and HRS resistances of BL and BLb devices with both references",
        f"{count(result.first.readings, 'reading')}, each device once. A lognormal distribution is "
        "a straight line; LRS above a reference, and HRS below it, are 1T1R errors.",
    )


def _attempts_block(result: ProgramResult) -> tuple[str, bytes, str, str]:
    figure = drawing.canvas(5.2, 4.4)
    axes = figure.add_axes((0.11, 0.11, 0.7, 0.84))
    bar_axes = figure.add_axes((0.83, 0.11, 0.027, 0.84))
    most = int(result.attempts.max())
    image = drawing.array_map(
        axes,
        np.where(result.attempts > 0, result.attempts.astype(float), np.nan),
        result.wrong,
        vmin=1,
        vmax=max(most, 2),
        cmap="Blues",
    )
    bar = figure.colorbar(image, cax=bar_axes, ticks=range(1, max(most, 2) + 1))
    bar.set_label("Programmings of the bit")
    repeated = int(np.count_nonzero(result.attempts > 1))
    return (
        "Repetitions",
        drawing.png(figure),
        "Map of the array with the number of programmings of each bit",
        f"{count(repeated, 'bit')} programmed more than once, at most {most} times; each "
        "repetition is the inverse and then the pattern. A cross marks a bit that is still wrong.",
    )

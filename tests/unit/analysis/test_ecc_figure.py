"""The figure of the codes: what is drawn, on a planted die."""

from __future__ import annotations

import io

import numpy as np

from labctl.analysis.ecc import SEC_CODES, SECDED_CODES, device_error_maps, run_codes
from labctl.analysis.references import best_reference
from labctl.report import drawing
from labctl.report.ecc_figure import draw_ecc, ecc_figure
from tests.unit.analysis.planted import PlantedDie, program


def test_codes_on_a_planted_die_are_near_their_closed_form_and_drawn() -> None:
    generator = np.random.default_rng(0)
    die = PlantedDie(1.1, 0.28, 0.24)
    reads = program(die, 40, 32, 32, generator)
    reference = best_reference(reads.lrs, reads.hrs)
    assert reference.reference_ohm is not None
    errors, unread = device_error_maps(reads.pattern, reads.resistance, reference.reference_ohm)
    assert errors.sum() == reference.lrs_errors + reference.hrs_errors
    assert not unread.any()
    results = run_codes(SEC_CODES + SECDED_CODES, errors, generator, unread=unread)
    inside = sum(one.residual.rate.contains(one.predicted) for one in results)
    assert inside >= len(results) - 1
    assert ecc_figure(results).startswith(b"\x89PNG")


def test_a_result_without_residual_errors_is_an_open_marker() -> None:
    errors = np.zeros((2, 8, 8))
    errors[0, 0, 0] = 1
    results = run_codes(SECDED_CODES[:1], errors, np.random.default_rng(0))
    figure, axes = drawing.one_plot(4, 3)
    draw_ecc(axes, SECDED_CODES[:1], results)
    markers = [line for line in axes.lines if str(line.get_markerfacecolor()) == "white"]
    assert [line.get_xdata()[0] for line in markers] == [results[0].raw.rate.value]
    assert [line.get_ydata()[0] for line in markers] == [results[0].residual.rate.high]
    figure.savefig(io.BytesIO())


def test_without_measured_errors_only_the_curves_are_drawn() -> None:
    results = run_codes(SEC_CODES[:1], np.zeros((2, 8, 8)), np.random.default_rng(0))
    _, axes = drawing.one_plot(4, 3)
    draw_ecc(axes, SEC_CODES[:1], results)
    assert len(axes.lines) == 3

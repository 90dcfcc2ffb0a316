"""Models of the plots: fed piece by piece they say what the analysis of the whole run says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gui.models.conditions import ConditionsModel
from gui.models.endurance import MOST_CHOSEN, EnduranceModel, SpanPool
from gui.models.forming import FormingModel
from gui.models.iv import SWEEPS_KEPT, IVModel
from gui.models.rows import ROW_NUMBER, RowsModel
from gui.models.sense import SenseModel
from gui.models.sigma import Group, SigmaModel
from labctl.analysis.conditions import analyse_conditions
from labctl.analysis.distributions import sigma_plot
from labctl.analysis.endurance import (
    StoredReadings,
    analyse_endurance,
    pooled_windows,
    stored_counts,
)
from labctl.analysis.forming import FormingArrays, analyse_forming
from labctl.analysis.iv import reset_switching, set_switching
from labctl.analysis.maps import NOT_READ
from labctl.analysis.readings import Readings, best_reference_of, reference_errors
from labctl.analysis.running_references import REFERENCES
from labctl.analysis.sense_amplifier import hrs_over_lrs, sense_errors
from labctl.store.tail import News
from tests.gui.planted_news import (
    REFERENCE_OHM,
    Arrays,
    absorbed,
    checkerboard,
    conditions_arrays,
    cut,
    endurance_steps,
    iv_steps,
    rows_news,
    run_folder,
)
from tests.unit.planted_runs import forming_arrays

# --- endurance ---------------------------------------------------------------------------------


def stacked(steps: list[Arrays], name: str) -> np.ndarray:
    return np.stack([record for step in steps for record in step.get(name, [])])


def test_endurance_is_that_of_the_stored_run() -> None:
    steps = endurance_steps(pairs=3, windows=4)
    picture = absorbed(EnduranceModel(), steps).picture
    names = ("resistance", "censored", "resistance_of", "resistance_range")
    expected = analyse_endurance(
        stacked(steps, "pairs"),
        stored_counts(stacked(steps, "window_counts")),
        StoredReadings(*(stacked(steps, name) for name in names)),
        REFERENCE_OHM,
    )

    assert [(p.pair, p.row, p.column) for p in picture.pairs] == [
        (p.pair, p.row, p.column) for p in expected
    ]
    for found, pair in zip(picture.pairs, expected, strict=True):
        for one, other in zip(found.windows, pair.windows, strict=True):
            assert (one.count, one.ber_2t2r, one.best) == (other.count, other.ber_2t2r, other.best)
            assert (one.fixed, one.bands) == (other.fixed, other.bands)
    pooled = pooled_windows(expected)
    for span, window in zip(picture.pooled, pooled, strict=True):
        assert (span.rates.first, span.rates.last) == (window.first, window.last)
        assert span.rates.ber_2t2r == window.ber_2t2r
        assert (span.rates.best, span.rates.fixed) == (window.best, window.fixed)
    assert picture.reads_resistance


def window_readings(steps: list[Arrays], window: int) -> tuple[list[Readings], list[Readings]]:
    """LRS and HRS of all pairs in a window."""
    names = ("resistance", "censored", "resistance_of", "resistance_range")
    stored = StoredReadings(*(stacked(steps, name) for name in names))
    pairs = [int(place[0]) for place in stacked(steps, "pairs")]
    states = [found for pair in pairs if (found := stored.window(pair, window)) is not None]
    return [r for lrs, _ in states for r in lrs], [r for _, hrs in states for r in hrs]


def test_one_reference_for_all_pairs_is_that_of_the_grid_with_the_fewest_errors() -> None:
    steps = endurance_steps(pairs=4, windows=3)
    picture = absorbed(EnduranceModel(), steps).picture

    for window, span in enumerate(picture.pooled):
        lrs, hrs = window_readings(steps, window)
        errors = [reference_errors(ohm, lrs, hrs).rate for ohm in REFERENCES[600:1200]]
        found = reference_errors(span.rates.common_ohm or 0.0, lrs, hrs)
        assert span.rates.common == found.rate
        assert found.rate.errors == min(rate.errors for rate in errors)
        # The report chooses between the readings themselves: never more errors, and few fewer.
        exact = best_reference_of(lrs, hrs)
        near = sum(
            int(
                (
                    (r.ohm > 0.985 * exact.reference_ohm) & (r.ohm < 1.015 * exact.reference_ohm)
                ).sum()
            )
            for r in (*lrs, *hrs)
        )
        assert exact.rate.errors <= found.rate.errors <= exact.rate.errors + near


def test_each_pair_is_judged_at_the_reference_for_all_pairs() -> None:
    steps = endurance_steps(pairs=3, windows=2)
    picture = absorbed(EnduranceModel(), steps).picture
    names = ("resistance", "censored", "resistance_of", "resistance_range")
    stored = StoredReadings(*(stacked(steps, name) for name in names))

    for pair in picture.pairs:
        for number, window in enumerate(pair.windows):
            states = stored.window(pair.pair, number)
            assert states is not None
            common_ohm = picture.pooled[number].rates.common_ohm
            assert common_ohm is not None
            assert window.common == reference_errors(common_ohm, *states)


def test_of_a_single_pair_the_reference_for_all_pairs_is_its_own() -> None:
    (pair,) = absorbed(EnduranceModel(), endurance_steps(pairs=1, windows=2)).picture.pairs

    assert [window.common for window in pair.windows] == [window.best for window in pair.windows]


def test_of_older_windows_no_readings_are_kept_but_counts() -> None:
    """However many readings a window has: their levels, at most as many as the grid has."""
    model = absorbed(EnduranceModel(), endurance_steps(pairs=2, windows=2, parts=40))

    kept = [
        levels.level.size
        for common in model._common.values()
        for counts in common._counts.values()
        for levels in (counts.lrs, counts.hrs)
    ]
    assert len(kept) == 2 * 2 * 2
    assert max(kept) < 700
    assert model.picture.pooled[0].rates.common.trials == 2 * 4 * 40 * 20


def test_bands_of_several_pairs_reach_from_the_lowest_to_the_highest() -> None:
    picture = absorbed(EnduranceModel(), endurance_steps(pairs=3, windows=2)).picture
    own = [pair.windows[0].bands["BL LRS"] for pair in picture.pairs]

    band = picture.pooled[0].bands["BL LRS"]

    assert band.median_ohm == np.median([one.median_ohm for one in own])
    assert band.low_ohm == min(one.q01_ohm for one in own)
    assert band.high_ohm == max(one.q99_ohm for one in own)


def test_selected_pairs_are_pooled_alone() -> None:
    picture = absorbed(EnduranceModel(), endurance_steps(pairs=3, windows=2)).picture

    (pair,) = picture.of_cells(frozenset({(3, 2), (31, 31)}))
    pool = SpanPool()
    spans = pool.spans(picture, [pair])

    assert pair.pair == 1
    again = pool.spans(picture, [pair])
    assert all(one is other for one, other in zip(again, spans, strict=True))
    (other_pair,) = picture.of_cells(frozenset({(picture.pairs[0].row, picture.pairs[0].column)}))
    assert [s.rates.ber_2t2r for s in pool.spans(picture, [other_pair])] == [
        window.ber_2t2r for window in other_pair.windows
    ]
    assert [span.rates.ber_2t2r for span in spans] == [w.ber_2t2r for w in pair.windows]
    assert picture.of_cells(frozenset({(31, 31)})) == picture.pairs


def test_too_many_selected_pairs_are_all_pairs() -> None:
    steps = [
        {name: step[name] for name in ("pairs", "window_counts") if name in step}
        for step in endurance_steps(pairs=MOST_CHOSEN + 2, windows=1)
    ]
    picture = absorbed(EnduranceModel(), steps).picture
    cells = [(pair.row, pair.column) for pair in picture.pairs]

    assert len(picture.of_cells(frozenset(cells[:MOST_CHOSEN]))) == MOST_CHOSEN
    assert picture.of_cells(frozenset(cells[: MOST_CHOSEN + 1])) is picture.pairs


def test_endurance_without_resistances_tells_of_2t2r_alone() -> None:
    steps = [
        {name: step[name] for name in ("pairs", "window_counts") if name in step}
        for step in endurance_steps(pairs=2, windows=3)
    ]

    picture = absorbed(EnduranceModel(), steps).picture

    assert not picture.reads_resistance
    assert [span.rates.best.trials for span in picture.pooled] == [0, 0, 0]
    assert [span.rates.ber_2t2r.trials for span in picture.pooled] == [4 * 98] * 3
    assert not any(span.bands for span in picture.pooled)


def test_endurance_keeps_only_the_readings_of_the_last_window() -> None:
    model = absorbed(EnduranceModel(), endurance_steps(pairs=4, windows=5))

    assert len(model._open["resistance"]) == 4


# --- array procedures --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 5, 12])
def test_sense_errors_are_those_of_the_stored_run(size: int) -> None:
    arrays = checkerboard()
    found = absorbed(SenseModel(), cut(arrays, size)).picture.errors

    read = arrays["sensed"] != NOT_READ
    wrong = arrays["sensed"] != arrays["pattern"]
    ratio = hrs_over_lrs(arrays["pattern"], arrays["resistance"])
    expected = sense_errors(ratio[read], wrong[read])
    assert [one.rate for one in found.bins] == [one.rate for one in expected.bins]
    assert found.wrong_below_limit == expected.wrong_below_limit


def test_senses_of_a_state_that_stands_are_no_new_trials() -> None:
    arrays = checkerboard()
    again = {name: arrays[name][:1] for name in ("resistance", "sensed")}
    once = {name: records[:1] for name, records in arrays.items()}

    found = absorbed(SenseModel(), [*cut(once, 1), *cut(again, 1)]).picture.errors

    alone = absorbed(SenseModel(), cut(once, 1)).picture.errors
    assert [one.rate for one in found.bins] == [one.rate for one in alone.bins]


def test_sigma_plots_are_those_of_the_stored_run() -> None:
    arrays = checkerboard()
    picture = absorbed(SigmaModel(), cut(arrays, 5)).picture

    assert set(picture.plots) == {Group(-1, s, d) for s in ("LRS", "HRS") for d in ("BL", "BLb")}
    for group, plot in picture.plots.items():
        device = int(group.device == "BLb")
        bit = device if group.state == "LRS" else 1 - device
        readings = arrays["resistance"][..., device][arrays["pattern"] == bit]
        expected = sigma_plot(readings)
        assert plot.readings == expected.readings
        middle = np.interp(0.0, expected.sigma, np.log10(expected.resistance_ohm))
        assert np.interp(0.0, plot.sigma, np.log10(plot.resistance_ohm)) == pytest.approx(
            middle, abs=0.01
        )
    assert picture.reference_ohm == REFERENCE_OHM


def test_sigma_knows_the_last_reading_of_each_cell() -> None:
    arrays = checkerboard()
    picture = absorbed(SigmaModel(), cut(arrays, 5)).picture

    bits, ohms = arrays["pattern"][-1], arrays["resistance"][-1]
    for row, column in ((0, 0), (0, 1)):
        of_bl = {g.state: last[row, column] for g, last in picture.last.items() if g.device == "BL"}
        state, other = ("LRS", "HRS") if bits[row, column] == 0 else ("HRS", "LRS")
        assert of_bl[state] == ohms[row, column, 0]
        assert np.isnan(of_bl[other])


def test_of_a_state_read_again_and_again_only_the_last_readings_are_in_the_sigma_plot() -> None:
    arrays = checkerboard()
    pattern = {"pattern": arrays["pattern"][:1]}
    reads = {"resistance": arrays["resistance"][:3]}

    picture = absorbed(SigmaModel(), [*cut(pattern, 1), *cut(reads, 1)]).picture

    cells = arrays["pattern"][0].size
    assert sum(plot.readings for plot in picture.plots.values()) == 2 * cells


def test_sigma_of_cycled_pairs_shows_the_first_and_the_last_window() -> None:
    steps = endurance_steps(pairs=2, windows=4)
    picture = absorbed(SigmaModel(), steps).picture

    assert {group.window for group in picture.plots} == {0, 3}
    for plot in picture.plots.values():
        assert plot.readings == 2 * 2 * 20


def test_a_new_condition_begins_a_new_sigma_plot() -> None:
    arrays = checkerboard()
    arrays["condition"] = np.array([[28e-6, 2.5]] * 8 + [[55e-6, 2.5]] * 4)

    picture = absorbed(SigmaModel(), cut(arrays, 5)).picture

    assert picture.condition == (55e-6, 2.5)
    assert sum(plot.readings for plot in picture.plots.values()) == 4 * 2 * 32 * 32


def test_pairs_cycled_at_different_compliances_are_not_thrown_together() -> None:
    steps = endurance_steps(pairs=2, windows=2)
    steps[0]["pair_compliance"] = [np.array(28e-6)]

    assert not absorbed(SigmaModel(), steps).picture.plots


@pytest.mark.parametrize("size", [1, 5, 12])
def test_conditions_are_those_of_the_stored_run(size: int) -> None:
    arrays = conditions_arrays()
    picture = absorbed(ConditionsModel(), cut(arrays, size)).picture

    usable = np.ones((4, 6), dtype=bool)
    usable[0, 0] = False
    assert list(picture.points) == analyse_conditions(**arrays, usable=usable).points


# --- sweeps and forming ------------------------------------------------------------------------


def test_sweeps_switch_where_the_analysis_says() -> None:
    steps = iv_steps(3)
    picture = absorbed(IVModel(), steps).picture

    volts = steps[0]["set_voltage"][0]
    first_set, first_reset = picture.last[:2]
    expected_set = set_switching(volts, steps[0]["set_current"][0])
    expected_reset = reset_switching(volts, steps[0]["reset_current"][0])
    assert first_set.switched_v == expected_set.volts
    assert first_reset.switched_v == -expected_reset.volts
    assert (first_reset.volts <= 0).all()
    assert (first_set.row, first_set.column, first_set.device) == (0, 0, 1)


def test_only_the_last_sweeps_are_kept() -> None:
    picture = absorbed(IVModel(), iv_steps(SWEEPS_KEPT)).picture

    assert len(picture.last) == SWEEPS_KEPT
    assert picture.sweeps == 2 * SWEEPS_KEPT
    assert picture.last[-1].row == SWEEPS_KEPT - 1


def test_a_device_that_was_not_swept_is_no_sweep() -> None:
    (step,) = iv_steps(1)
    step["set_current"] = [np.full(82, np.nan)]

    picture = absorbed(IVModel(), [step]).picture

    assert [sweep.kind for sweep in picture.last] == ["reset"]


def test_forming_is_that_of_the_stored_run() -> None:
    arrays = forming_arrays()
    arrays["highest_voltage"][5, 3, 1] = 3.3
    arrays["unformed"][5, 3, 1], arrays["forming_voltage"][5, 3, 1] = 1, np.nan
    picture = absorbed(FormingModel(), cut(arrays, 7), run_folder(mode="ramp")).picture

    placed = {name: np.zeros_like(records) for name, records in arrays.items() if name != "row"}
    for name, records in placed.items():
        records[arrays["row"]] = arrays[name]
    expected = analyse_forming(
        FormingArrays(
            voltage=placed["forming_voltage"],
            unformed=placed["unformed"].astype(bool),
            formed_before=placed["formed_before"].astype(bool),
            highest_v=placed["highest_voltage"],
            pulses=placed["forming_pulses"].astype(np.uint32),
        )
    )
    assert picture.fits["weibull"] == expected.weibull
    assert picture.fits["lognormal"] == expected.lognormal
    assert (picture.never, picture.median_v) == (expected.weibull.censored, expected.median_v)


# --- rows --------------------------------------------------------------------------------------


def test_rows_keep_numbers_and_leave_text_out() -> None:
    model = RowsModel()
    model.absorb(
        run_folder(), rows_news({"Step": [0.0, 1.0], "Kind": np.array(["a", "b"], object)})
    )
    model.absorb(run_folder(), rows_news({"Step": [2.0], "Kind": np.array(["c"], object)}))

    picture = model.picture

    assert picture.rows == 3
    assert list(picture.columns) == [ROW_NUMBER, "Step"]
    assert picture.columns["Step"].part(0, 3).tolist() == [0.0, 1.0, 2.0]
    assert picture.columns[ROW_NUMBER].part(1, 3).tolist() == [1.0, 2.0]


def test_a_column_that_turns_out_to_be_text_goes() -> None:
    model = RowsModel()
    model.absorb(run_folder(), rows_news({"Step": [0.0], "Sweep": [np.nan]}))
    model.absorb(run_folder(), rows_news({"Step": [1.0], "Sweep": np.array(["set"], object)}))

    assert list(model.picture.columns) == [ROW_NUMBER, "Step"]


def test_a_picture_of_rows_does_not_change_when_more_come() -> None:
    model = RowsModel()
    values = np.arange(40_000.0)
    model.absorb(run_folder(), rows_news({"x": values}))
    before = model.picture
    model.absorb(run_folder(), rows_news({"x": -values}))

    assert before.rows == 40_000
    assert before.columns["x"].part(0, before.rows).tolist() == values.tolist()
    assert "x" in before.rising
    assert "x" not in model.picture.rising
    assert model.picture.columns["x"].part(39_999, 40_002).tolist() == [39_999.0, 0.0, -1.0]


# --- all of them -------------------------------------------------------------------------------

PIECES = {
    EnduranceModel: endurance_steps(pairs=1, windows=2),
    SigmaModel: cut(checkerboard(), 12),
    SenseModel: cut(checkerboard(), 12),
    ConditionsModel: cut(conditions_arrays(), 12),
    IVModel: iv_steps(2),
    FormingModel: cut(forming_arrays(), 32),
}


def size_of(picture: Any) -> int:
    """Something that grows with what was absorbed."""
    if hasattr(picture, "pooled"):
        return sum(span.rates.ber_2t2r.trials for span in picture.pooled)
    if hasattr(picture, "plots"):
        return sum(plot.readings for plot in picture.plots.values())
    if hasattr(picture, "errors"):
        return sum(one.rate.trials for one in picture.errors.bins)
    if hasattr(picture, "points"):
        return sum(point.rate.trials for point in picture.points)
    return int(picture.sweeps if hasattr(picture, "sweeps") else picture.formed)


@pytest.mark.parametrize("kind", PIECES, ids=lambda kind: kind.__name__)
def test_a_restart_begins_anew(kind: Any) -> None:
    model = absorbed(kind(), PIECES[kind])
    once = size_of(model.picture)

    assert model.absorb(run_folder(), News(restarted=True))
    assert size_of(model.picture) == 0
    assert size_of(absorbed(model, PIECES[kind]).picture) == once > 0


@pytest.mark.parametrize("kind", [*PIECES, RowsModel], ids=lambda kind: kind.__name__)
def test_news_of_something_else_changes_nothing(kind: Any) -> None:
    model = kind()

    assert not model.absorb(run_folder(), News(restarted=False, events=[{"event": "note"}]))


def test_rows_begin_anew_after_a_restart() -> None:
    model = RowsModel()
    model.absorb(run_folder(), rows_news({"x": [1.0, 2.0]}))
    model.absorb(run_folder(), rows_news({"x": [5.0]}, restarted=True))

    assert model.picture.rows == 1
    assert model.picture.columns["x"].part(0, 1).tolist() == [5.0]


def other_arrays() -> dict[str, list[Arrays]]:
    """What the other procedures store, by name, as far as names are shared."""
    cells = {"pattern": [np.zeros((4, 6), np.uint8)], "sensed": [np.zeros((4, 6), np.uint8)]}
    ohms = np.full((4, 6, 2), 1e4)
    return {
        "checkerboard": cut(checkerboard(), 4),
        "conditions": cut(conditions_arrays(), 4),
        "endurance": endurance_steps(1, 2),
        "forming": cut(forming_arrays(), 32),
        "iv": iv_steps(2),
        "sense": [
            {
                "condition": [np.array([55e-6, 2.5])],
                "pattern": cells["pattern"],
                "resistance": [ohms],
                "sensed": [np.zeros((3, 4, 6), np.uint8)],
            }
        ],
        "energy": [{"condition": [np.arange(6.0)]}, {"sensed_condition": [np.array([0])], **cells}],
        "disturb": [
            {"pattern": cells["pattern"], "pairs": [np.zeros((7, 5), np.int64)]},
            {"resistance": [np.stack([ohms, ohms])], "sensed": cells["sensed"]},
        ],
        "read without a pattern": [{"resistance": [ohms]}],
        "compliance": [{"cells": [np.array([0, 0, 1])], "set_current": [np.ones(5)]}],
        "differential": [
            {"pairs": [np.array([0, 1, 2])], "pair_compliance": [np.array(28e-6)]},
            *endurance_steps(1, 1)[1:],
            {"array_compliance": [np.array(28e-6)], "array_resistance": [ohms]},
        ],
    }


@pytest.mark.parametrize("procedure", list(other_arrays()))
@pytest.mark.parametrize("kind", [*PIECES, RowsModel], ids=lambda kind: kind.__name__)
def test_every_model_bears_the_news_of_every_procedure(kind: Any, procedure: str) -> None:
    # A run fills all views; which of them are worth a look depends on its procedure.
    absorbed(kind(), other_arrays()[procedure])

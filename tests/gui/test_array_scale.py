"""Layers of the map, and their scales of colours."""

from __future__ import annotations

import numpy as np
import pytest

from gui.models.array import ArrayModel
from gui.models.layers import ARRAY_LAYERS, Layer, Scale, read_wrong
from gui.theme import Theme
from gui.views.layer_colours import coloured
from gui.views.map_scale import Range, positions, suited_range, ticks
from gui.views.scale_bar import lookup
from tests.gui.told import bits, folder, news, ohms

LAYERS = {layer.name: layer for layer in ARRAY_LAYERS}
THEME = Theme(dark=False)


def layer(scale, unit="", zero=""):
    return Layer("x", "X", unit, scale, "sequential", lambda picture: picture, zero=zero)


def numbers(*values):
    return np.array([values], dtype=np.float64)


@pytest.fixture
def picture():
    model, of = ArrayModel(), folder(retired=[(1, 2)])
    model.absorb(
        of,
        news(
            pattern=[bits([0, 1, 0], [1, 0, 255])],
            sensed=[bits([0, 0, 2], [255, 0, 255])],
            resistance=[ohms((2, 3), 2e4)],
            pulses={"set": np.arange(12).reshape(2, 3, 2)},
        ),
    )
    return model.picture


def test_every_layer_gives_a_value_or_none_for_every_cell(picture):
    assert len({each.title for each in ARRAY_LAYERS}) == len(ARRAY_LAYERS) == 10
    for each in ARRAY_LAYERS:
        values = each.values(picture)
        assert values.shape == (2, 3)
        assert values.dtype.kind == "f"
        span = suited_range(each, values)
        assert (span is None) == (not np.isfinite(values).any())
    np.testing.assert_array_equal(LAYERS["bit"].values(picture), [[0, 0, 2], [np.nan, 0, np.nan]])
    np.testing.assert_array_equal(LAYERS["ber"].values(picture), [[0, 1, 1], [np.nan, 0, np.nan]])
    assert LAYERS["cycles"].values(picture)[0].tolist() == [1, 3, 5]
    assert read_wrong(picture).tolist() == [[False, True, True], [False, False, False]]


@pytest.mark.parametrize(
    ("scale", "values", "wanted"),
    [
        (Scale.LOG, (3e3, 4.2e5), (2e3, 5e5)),
        (Scale.LOG, (1e4, 1e4), (1e4, 2e4)),
        (Scale.LOG, (0.0, 1e-3), (1e-3, 2e-3)),
        (Scale.LOG_ABOUT_ONE, (0.5, 30.0), (0.02, 50.0)),
        (Scale.FROM_ZERO, (0.0, 0.0), (0.0, 1.0)),
        (Scale.FROM_ZERO, (3.0, 7.0), (0.0, 10.0)),
        (Scale.LINEAR, (2.13, 3.08), (2.0, 3.2)),
        (Scale.LINEAR, (2.5, 2.5), (2.5, 2.51)),
    ],
)
def test_a_range_holds_all_values_and_ends_at_round_numbers(scale, values, wanted):
    span = suited_range(layer(scale), numbers(*values))
    assert (span.low, span.high) == pytest.approx(wanted, rel=1e-3)
    assert span.low < span.high


@pytest.mark.parametrize("scale", [Scale.LOG, Scale.LOG_ABOUT_ONE, Scale.LINEAR, Scale.FROM_ZERO])
def test_without_a_value_there_is_no_range(scale):
    assert suited_range(layer(scale), numbers(np.nan)) is None


def test_random_values_lie_within_their_scale():
    rng = np.random.default_rng(11)
    for scale in (Scale.LOG, Scale.LOG_ABOUT_ONE, Scale.LINEAR, Scale.FROM_ZERO):
        for _ in range(200):
            values = 10.0 ** rng.uniform(-6, 9, (1, rng.integers(1, 5)))
            if scale is Scale.LINEAR:
                values = rng.uniform(0.5, 5.0, values.shape)
            one = layer(scale)
            span = suited_range(one, values)
            assert values.max() <= span.high * (1 + 1e-9)
            if scale is not Scale.FROM_ZERO:
                assert values.min() >= span.low * (1 - 1e-9)
            where = positions(one, span, values)
            assert (
                np.argsort(where[0], kind="stable") == np.argsort(values[0], kind="stable")
            ).all()
            marks = ticks(one, span)
            assert 2 <= len(marks) <= 11
            assert all(0 <= at <= 1 for at, _ in marks)
            assert len({text for _, text in marks}) == len(marks)


def test_zeros_stand_apart_on_a_logarithmic_scale():
    one = layer(Scale.LOG, zero="no error")
    values = numbers(0.0, 1e-3, 1e-2, np.nan)
    colours = coloured(one, values, suited_range(one, values), THEME)[0]
    assert colours[0] == THEME.calm.rgba()
    assert colours[3] == 0
    assert colours[1] == lookup(one)[0]
    assert len(set(colours.tolist())) == 4
    only_zeros = coloured(one, numbers(0.0), None, THEME)
    assert only_zeros[0, 0] == THEME.calm.rgba()


def test_values_beyond_a_locked_scale_take_its_ends():
    one = layer(Scale.LINEAR)
    colours = coloured(one, numbers(-5.0, 0.0, 1.0, 9.0), Range(0.0, 1.0), THEME)[0]
    assert colours[0] == colours[1] == lookup(one)[0]
    assert colours[2] == colours[3] == lookup(one)[-1]


def test_ticks_have_units():
    assert [text for _, text in ticks(LAYERS["r_bl"], Range(2e3, 2e6))] == [
        "10 kΩ",
        "100 kΩ",
        "1 MΩ",
    ]
    assert ticks(LAYERS["forming_bl"], Range(2.0, 3.0))[0] == (0.0, "2 V")
    assert [text for _, text in ticks(LAYERS["status"], Range(0, 3))] == [
        "used",
        "unreadable",
        "unformed",
        "retired",
    ]

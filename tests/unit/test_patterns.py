"""Patterns and regions: what they are over an array, and what is refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imsave
from pymeasure.experiment import Results

from procedures.patterns import PatternParameter, Region, RegionParameter, file_bits, pattern_bits
from procedures.program import Program

SHAPE = (4, 6)
SOME = np.array([[0, 1, 0], [1, 1, 0]])


def bits(text, region="all"):
    return pattern_bits(text, SHAPE, Region.from_text(region))


def test_named_patterns():
    rows, columns = np.indices(SHAPE)
    expected = {
        "checkerboard": (rows + columns) % 2,
        "inverse": (rows + columns + 1) % 2,
        "zeros": 0 * rows,
        "ones": 0 * rows + 1,
        "row-stripes": rows % 2,
        "column-stripes": columns % 2,
        "walking": (rows == 0) & (columns == 0),
        "walking:8": (rows == 1) & (columns == 2),
        "inverse:walking:8": ~((rows == 1) & (columns == 2)),
        "inverse:zeros": 0 * rows + 1,
    }
    for text, wanted in expected.items():
        found = bits(text)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, wanted, err_msg=text)


def test_a_random_pattern_depends_on_its_seed_only():
    np.testing.assert_array_equal(bits("random:7"), bits("random:7", "0:2,all"))
    np.testing.assert_array_equal(bits("random"), bits("random:0"))
    assert (bits("random:7") != bits("random:8")).any()
    large = pattern_bits("random:3", (100, 100), Region())
    # Four standard deviations of a fair coin: false alarm below 1e-4, and the seed is fixed.
    assert abs(large.mean() - 0.5) < 4 * 0.5 / 100


def test_files_of_bits(tmp_path):
    np.save(tmp_path / "bits.npy", SOME)
    np.save(tmp_path / "signs.npy", 2 * SOME - 1)
    np.save(tmp_path / "flags.npy", SOME.astype(bool))
    np.savetxt(tmp_path / "bits.csv", SOME, delimiter=",", fmt="%d")
    grey = np.where(SOME == 1, 0.51, 0.49)
    imsave(tmp_path / "colour.png", np.stack([grey] * 3, axis=-1))
    imsave(tmp_path / "transparent.png", np.stack([grey] * 3 + [np.full(grey.shape, 0.2)], axis=-1))
    for file in tmp_path.iterdir():
        np.testing.assert_array_equal(file_bits(file), SOME, err_msg=file.name)


def test_a_file_is_as_large_as_the_array_or_the_region(tmp_path):
    np.save(tmp_path / "region.npy", SOME)
    placed = bits(str(tmp_path / "region.npy"), "1:3,2:5")
    np.testing.assert_array_equal(placed[1:3, 2:5], SOME)
    assert placed.sum() == SOME.sum()
    whole = bits("random:5")
    np.save(tmp_path / "whole.npy", whole)
    np.testing.assert_array_equal(bits(str(tmp_path / "whole.npy"), "1:3,2:5"), whole)
    with pytest.raises(
        ValueError, match=r"is 2 x 3 bits; wanted: 4 x 6 \(array\) or 2 x 2 \(region\)"
    ):
        bits(str(tmp_path / "region.npy"), "1:3,2:4")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("values.csv", b"0,2\n", "other values"),
        ("text.csv", b"a,b\n", "cannot be read"),
        ("ragged.csv", b"0,1\n1\n", "cannot be read"),
        ("nan.csv", b"nan,1\n", "other values"),
        ("no.npy", b"nothing", "cannot be read"),
        ("cut.npy", b"\x93NUMPY\x01\x00", "cannot be read"),
        ("no.png", b"nothing", "cannot be read"),
    ],
)
def test_files_that_are_no_bits_are_named(name, content, told, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=told) as refused:
        file_bits(tmp_path / name)
    assert name in str(refused.value)


def test_other_shapes_and_kinds_are_refused(tmp_path):
    for name, values in (
        ("three.npy", np.zeros((2, 2, 2))),
        ("one.npy", np.zeros(3)),
        ("none.npy", np.zeros((0, 3))),
        ("words.npy", np.array([["a"]])),
    ):
        np.save(tmp_path / name, values)
        with pytest.raises(ValueError, match=name):
            file_bits(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        file_bits(tmp_path / "missing.npy")
    with pytest.raises(ValueError, match=r"is no \.npy, \.csv or \.png file"):
        file_bits(tmp_path / "weights.txt")


@pytest.mark.parametrize(
    "text",
    [
        *("", "chess", "none", "walking:", "walking:-1", "walking:1.5", "zeros:3", "inverse:"),
        *("random:x", "inverse:chess", "file.txt", f"random:{2**63}"),
    ],
)
def test_what_is_no_pattern_is_refused(text):
    with pytest.raises(ValueError, match=r"Pattern .* is not allowed: checkerboard"):
        PatternParameter("Pattern").value = text


def test_none_is_a_pattern_only_where_it_may_be():
    parameter = PatternParameter("Expect", default="none", optional=True)
    assert parameter.value == "none"
    assert parameter.allowed.startswith("none, ")


def test_a_position_beyond_the_array_is_refused():
    with pytest.raises(ValueError, match="walking:24 is beyond the array: positions are 0 to 23"):
        bits("walking:24")


@pytest.mark.parametrize(
    ("text", "cells", "told"),
    [
        ("all", 24, "whole array, 24 bits"),
        ("all,all", 24, "whole array, 24 bits"),
        ("0:2,all", 12, "rows 0 to 1, columns 0 to 5: 12 bits"),
        ("3,5", 1, "row 3, column 5: 1 bit"),
        ("rows 1:3, columns 2:6", 8, "rows 1 to 2, columns 2 to 5: 8 bits"),
        ("row 1, column 2", 1, "row 1, column 2: 1 bit"),
    ],
)
def test_regions(text, cells, told):
    region = Region.from_text(text)
    assert region.mask(SHAPE).sum() == cells
    assert region.told(SHAPE) == told


def test_a_region_is_rows_then_columns():
    mask = Region.from_text("1:3,2").mask(SHAPE)
    assert np.argwhere(mask).tolist() == [[1, 2], [2, 2]]


@pytest.mark.parametrize("text", ["", "4", "1:1,all", "3:1,all", "-1,0", "0:2,0:2,0:2", "a,b", ":"])
def test_what_is_no_region_is_refused(text):
    with pytest.raises(ValueError, match=r"Region .* is not allowed: all, or rows and columns"):
        RegionParameter().value = text


@pytest.mark.parametrize(("text", "told"), [("0:5,all", "row 4"), ("0,6", "column 6")])
def test_a_region_beyond_the_array_is_refused(text, told):
    with pytest.raises(ValueError, match=f"reaches {told}: this chip has"):
        Region.from_text(text).mask(SHAPE)


@pytest.mark.parametrize("pattern", ["random:7", "inverse:walking:3", "C:\\mine\\größe.npy"])
def test_pattern_and_region_come_back_from_a_results_file(pattern, tmp_path):
    procedure = Program()
    region = "rows 0:8, columns 4:12"
    procedure.set_parameters({"pattern": pattern, "region": region, "reference": 5e4})
    Results(procedure, str(tmp_path / "results.csv"))
    loaded = Results.load(str(tmp_path / "results.csv")).procedure
    assert loaded.pattern == pattern
    assert loaded.region == region

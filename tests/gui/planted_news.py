"""News of runs with planted numbers, piece by piece, for models and views of the plots."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from labctl.analysis.maps import NOT_READ
from labctl.store.tail import News
from tests.unit.planted_runs import checkerboard_arrays

REFERENCE_OHM = 50e3
Arrays = dict[str, list[np.ndarray]]


def run_folder(**parameters: Any) -> Any:
    return SimpleNamespace(record={"parameters": {"reference": REFERENCE_OHM, **parameters}})


def absorbed(model: Any, pieces: list[Arrays], folder: Any = None) -> Any:
    """The model after all pieces, its picture looked at after each, as the window does."""
    for arrays in pieces:
        model.absorb(folder or run_folder(), News(restarted=False, arrays=arrays))
        assert model.picture is not None
    return model


def cut(arrays: dict[str, np.ndarray], size: int) -> list[Arrays]:
    """Records in pieces of ``size`` of each array."""
    longest = max(len(records) for records in arrays.values())
    return [
        {name: list(records[begin : begin + size]) for name, records in arrays.items()}
        for begin in range(0, longest, size)
    ]


def endurance_steps(pairs: int, windows: int, parts: int = 2) -> list[Arrays]:
    """Steps of ``pairs`` pairs; each window comes in parts, with readings of both bits in each."""
    generator = np.random.default_rng(7)
    steps: list[Arrays] = []
    for pair in range(pairs):
        steps.append({"pairs": [np.array([pair, 3 * pair, pair + 1])]})
        for window in range(windows):
            first = 10**window
            for part in range(parts):
                begin = first + 100 * part
                count = [pair, window, begin, begin + 99, 98, 2, *generator.integers(0, 4, 2)]
                step: Arrays = {"window_counts": [np.array(count, dtype=np.int64)]}
                for bit in (0, 1):
                    low, high = 10 ** generator.normal([[3.9], [5.0 - 0.1 * window]], 0.3, (2, 20))
                    ohms = np.stack([low, high] if bit == 0 else [high, low], axis=-1)
                    codes = np.where(ohms > 9e5, 1, 0).astype(np.int8)
                    ohms[codes != 0] = np.nan
                    of = np.array([pair, window, bit, begin, 20], dtype=np.int64)
                    step.setdefault("resistance", []).append(ohms.astype(np.float32))
                    step.setdefault("censored", []).append(codes)
                    step.setdefault("resistance_of", []).append(of)
                    step.setdefault("resistance_range", []).append(np.array([[1e3, 9e5]] * 2))
                steps.append(step)
    return steps


def checkerboard() -> dict[str, np.ndarray]:
    arrays = checkerboard_arrays(12)
    return {name: arrays[name] for name in ("pattern", "resistance", "sensed")}


def conditions_arrays() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(3)
    asked = [(a, v, 1e-6) for a in (28e-6, 55e-6) for v in (1.5, 2.5) for _ in range(3)]
    pattern = generator.integers(0, 2, (len(asked), 4, 6)).astype(np.uint8)
    sensed = pattern ^ (generator.random(pattern.shape) < 0.1).astype(np.uint8)
    sensed[:, 0, 0] = NOT_READ
    return {"condition": np.array(asked), "pattern": pattern, "sensed": sensed}


def iv_steps(devices: int) -> list[Arrays]:
    out = np.linspace(0, 1.6, 41)
    volts = np.concatenate([out, out[::-1]])
    steps: list[Arrays] = []
    for device in range(devices):
        top = 0.6 + 0.01 * device
        is_low = np.concatenate([out > top, np.ones(out.size, dtype=bool)])
        set_current = volts / np.where(is_low, 1e4, 2e5)
        reset_current = -volts / np.where(is_low, 2e5, 1e4)
        step: Arrays = {
            "swept": [np.array([device, 0, 1, 0])],
            "set_current": [set_current],
            "reset_current": [reset_current],
        }
        if device == 0:
            step |= {"set_voltage": [volts], "reset_voltage": [volts]}
        steps.append(step)
    return steps


def rows_news(rows: dict[str, Any], restarted: bool = False) -> News:
    return News(restarted=restarted, rows={name: np.asarray(v) for name, v in rows.items()})

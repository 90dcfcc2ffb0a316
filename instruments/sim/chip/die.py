"""A simulated die: everything that the chip remembers, as arrays and as a file."""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from instruments.sim.chip.device import MODEL, Kind
from instruments.sim.chip.senseamp import AMPLIFIER
from instruments.sim.chip.streams import Purpose, Streams

ROWS = 32
COLUMNS = 32
SIDES = 2

DEVICES = (ROWS, COLUMNS, SIDES)
"""Shape of device arrays: row, column, side (0 on BL, 1 on BLB)."""
PAIRS = (ROWS, COLUMNS)

FORMAT = 1
_MARK = "simulated 2T2R die"

DeviceFloats = Annotated[NDArray[np.float64], DEVICES, np.float64]
DeviceCounts = Annotated[NDArray[np.int64], DEVICES, np.int64]
DeviceFlags = Annotated[NDArray[np.int8], DEVICES, np.int8]
PairFloats = Annotated[NDArray[np.float64], PAIRS, np.float64]
PairCounts = Annotated[NDArray[np.int64], PAIRS, np.int64]
ColumnFloats = Annotated[NDArray[np.float64], (COLUMNS,), np.float64]


class DieFileError(ValueError):
    """A die file is missing, damaged, something else, or from a newer version."""


@dataclass
class Die:
    """State of one die. Device arrays are (32, 32, 2), pair arrays (32, 32), column arrays (32,).

    The arrays are changed in place and never replaced: the chip holds views of them.
    """

    name: str
    seed: int
    clock_s: float
    """Bench time that the die has lived, seconds."""
    n_sense: int
    """Sense operations so far (each latches all columns of a row)."""
    transistor_gain: float
    """K of this die's access transistors over the nominal one."""
    transistor_shift: float
    """Threshold of this die's access transistors minus the nominal one, V."""

    # What each device was born with.
    forming_volts: DeviceFloats
    """Voltage at which a 1000 V/s ramp forms the device, V."""
    pristine_x: DeviceFloats
    """log10 of the pristine resistance in ohm."""
    lrs_offset: DeviceFloats
    """Device-to-device deviation of the LRS, in units of its standard deviation."""
    hrs_offset: DeviceFloats
    """Device-to-device deviation of the HRS, in units of its standard deviation."""
    access_gain: DeviceFloats
    """K of the device's access transistor over the die's."""
    pair_static: PairFloats
    """Static part common to the pair, in units of its standard deviation."""
    amplifier_conductance: ColumnFloats
    """Static conductance offset of the column's sense amplifier, siemens."""
    amplifier_ratio: ColumnFloats
    """Static ratio mismatch of the column's sense amplifier, decades."""

    # What has happened to it.
    kind: DeviceFlags
    """`Kind` of each device."""
    x: DeviceFloats
    """log10 of the low-field resistance in ohm."""
    x_set: DeviceFloats
    """``x`` right after the last SET (or forming)."""
    compliance: DeviceFloats
    """Current that limited the last SET (or forming), A."""
    formed_at: DeviceFloats
    """Voltage at which the device formed, V; 0 while it is pristine."""
    forming_dose: DeviceFloats
    """Accumulated forming hazard; the device forms at 1."""
    reset_dose: DeviceFloats
    """Time over time constant that RESET bias has acted since the last SET."""
    wear: DeviceFloats
    """Wear W of the aging law, in units of n0."""
    rtn_amplitude: DeviceFloats
    """Two-level noise of the present HRS, decades; 0 where there is none."""
    rtn_seconds: DeviceFloats
    """Time constant of that noise, s."""
    rtn_high: DeviceFlags
    """1 while the two-level noise is in its high-resistance level."""
    rtn_looked_s: DeviceFloats
    """Bench time at which the two-level noise was last looked at, s."""
    n_set: DeviceCounts
    """SETs that switched the device or redrew its LRS, the forming included."""
    n_reset: DeviceCounts
    """RESETs that switched the device."""
    n_read: DeviceCounts
    """Current readings."""
    n_trace: DeviceCounts
    """Current traces."""
    pair_slow: PairFloats
    """Slow part common to the pair, in units of its standard deviation."""
    n_pair: PairCounts
    """SETs that switched a device of the pair: steps of the slow part."""

    @classmethod
    def fresh(cls, seed: int, name: str = "die") -> Die:
        """A new, unformed die; the same seed (a non-negative integer) gives the same die."""
        streams = Streams(seed)

        def draw(purpose: Purpose, shape: tuple[int, ...]) -> NDArray[np.float64]:
            return streams.normals(purpose, 0, 0, math.prod(shape)).reshape(shape)

        gain, shift = streams.normals(Purpose.DIE_TRANSISTOR, 0, 0, 2)
        pristine_x = np.clip(
            MODEL.pristine_x + MODEL.pristine_x_sigma * draw(Purpose.PRISTINE_RESISTANCE, DEVICES),
            *MODEL.pristine_x_range,
        )
        values: dict[str, Any] = {
            field: np.zeros(shape, dtype) for field, (shape, dtype) in _layout().items()
        }
        values |= {
            "transistor_gain": float(1 + MODEL.die_gain_sigma * gain),
            "transistor_shift": float(MODEL.die_threshold_sigma * shift),
            "forming_volts": MODEL.forming_median
            + MODEL.forming_sigma * draw(Purpose.FORMING_VOLTAGE, DEVICES),
            "pristine_x": pristine_x,
            "x": pristine_x.copy(),
            "x_set": pristine_x.copy(),
            "lrs_offset": draw(Purpose.DEVICE_LRS, DEVICES),
            "hrs_offset": draw(Purpose.DEVICE_HRS, DEVICES),
            "access_gain": 1 + MODEL.device_gain_sigma * draw(Purpose.DEVICE_TRANSISTOR, DEVICES),
            "pair_static": draw(Purpose.PAIR_STATIC, PAIRS),
            "pair_slow": draw(Purpose.PAIR_SLOW_START, PAIRS),
            "amplifier_conductance": AMPLIFIER.column_conductance_sigma
            * draw(Purpose.COLUMN_CONDUCTANCE, (COLUMNS,)),
            "amplifier_ratio": AMPLIFIER.column_ratio_sigma
            * draw(Purpose.COLUMN_RATIO, (COLUMNS,)),
        }
        return cls(name=name, seed=seed, clock_s=0.0, n_sense=0, **values)

    def save(self, path: Path) -> None:
        """Write the die to ``path``: whole or not at all. Raises `OSError` as `open` does."""
        arrays = {name: getattr(self, name) for name in _layout()}
        about = {name: getattr(self, name) for name in _SCALARS}
        text = json.dumps({"mark": _MARK, "format": FORMAT, **about})
        temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with temporary.open("wb") as file:
                np.savez(file, about=np.array(text), **arrays)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: Path) -> Die:
        """Read a die written by `save`; raises `DieFileError` with one sentence that says why."""
        if not path.is_file():
            raise DieFileError(f"die file {path} does not exist")
        try:
            # Opened here: numpy leaves a file open that turns out not to be an archive.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                about = json.loads(str(stored["about"]))
                arrays = {name: stored[name] for name in stored.files if name != "about"}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DieFileError(f"{path} is damaged or not a die file") from error
        return _checked(path, about, arrays)


@cache
def _layout() -> Mapping[str, tuple[tuple[int, ...], type]]:
    """Shape and type of each array of a die."""
    hints = get_type_hints(Die, include_extras=True)
    return {
        name: (hint.__metadata__[0], hint.__metadata__[1])
        for name, hint in hints.items()
        if get_origin(hint) is Annotated
    }


_SCALARS = {
    "name": str,
    "seed": int,
    "clock_s": float,
    "n_sense": int,
    "transistor_gain": float,
    "transistor_shift": float,
}


def _sound(value: Any, wanted: type) -> bool:
    """Whether a stored scalar has its type and is finite."""
    finite = not isinstance(value, float) or math.isfinite(value)
    return type(value) is wanted and finite


def _checked(path: Path, about: Any, arrays: dict[str, NDArray[Any]]) -> Die:
    """A die of what a file held, or a `DieFileError`."""
    if not isinstance(about, dict) or about.get("mark") != _MARK:
        raise DieFileError(f"{path} is not a die file")
    version = about.get("format")
    if not isinstance(version, int) or version > FORMAT:
        raise DieFileError(
            f"die file {path} has format {version}, newer than {FORMAT}, which this version reads"
        )
    values: dict[str, Any] = {}
    for name, scalar_type in _SCALARS.items():
        value = about.get(name)
        if not _sound(value, scalar_type):
            raise DieFileError(f"die file {path} is damaged: {name} is {value!r}")
        values[name] = value
    if values["seed"] < 0:
        raise DieFileError(f"die file {path} is damaged: seed is {values['seed']}")
    layout = _layout()
    for name, (shape, dtype) in layout.items():
        array = arrays.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            raise DieFileError(f"die file {path} is damaged: {name} is missing or misshapen")
        if not np.isfinite(array).all():
            raise DieFileError(f"die file {path} is damaged: {name} is not finite")
        values[name] = array
    unknown = sorted(set(arrays) - set(layout))
    if unknown:
        raise DieFileError(f"die file {path} is damaged: unknown array {unknown[0]}")
    if not np.isin(values["kind"], list(Kind)).all():
        raise DieFileError(f"die file {path} is damaged: kind holds unknown states")
    return Die(**values)

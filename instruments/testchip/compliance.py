"""Which gate voltage allows which SET current: a measured table with its origin."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from instruments.limits import LimitError

Volts = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ComplianceTable(BaseModel):
    """A ``set_compliance`` table, as a chip file or a file of its own holds it.

    ``set_compliance`` pairs gate voltage (V) with the SET current it allows (A), both rising;
    between the points it is interpolated, beyond them never extended. It holds at the SET voltage
    it was measured at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    set_compliance: tuple[tuple[Volts, Positive], ...]
    set_compliance_voltage: Volts = 2.0
    """SET voltage during its measurement, V."""
    set_compliance_origin: str = "not stated"
    """What it was measured on."""
    set_compliance_simulated: bool = False
    """Whether that was a simulated die; a real bench refuses such a table."""

    @field_validator("set_compliance")
    @classmethod
    def _rises(cls, points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if len(points) < 2:
            raise ValueError("a set_compliance table needs at least two [V_WL, A] pairs")
        for (v0, a0), (v1, a1) in pairwise(points):
            if not (v1 > v0 and a1 > a0):
                raise ValueError(
                    "a set_compliance table must rise in gate voltage and current; "
                    f"[{v1:g} V, {a1:g} A] follows [{v0:g} V, {a0:g} A]"
                )
        return points

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The table of a TOML file. ValueError with one sentence if it holds none."""
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
            return cls.model_validate(content)
        except OSError as error:
            raise ValueError(f"compliance table {path} cannot be read: {error.strerror}") from None
        except ValidationError as error:
            if "set_compliance" not in content:
                raise ValueError(f"compliance table {path} has no set_compliance table") from None
            reasons = (str(e["msg"]).removeprefix("Value error, ") for e in error.errors())
            raise ValueError(f"compliance table {path}: {'; '.join(reasons)}") from None
        except ValueError as error:
            raise ValueError(f"compliance table {path} is not valid TOML: {error}") from None

    def gate_v(self, current_a: float) -> float:
        """Gate voltage (V) that allows ``current_a``; `LimitError` outside the table."""
        volts, amperes = zip(*self.set_compliance, strict=True)
        # Room for rounding: 55.0 uA typed is not exactly 55e-6.
        if not amperes[0] * (1 - 1e-9) <= current_a <= amperes[-1] * (1 + 1e-9):
            raise LimitError(
                f"SET compliance {current_a * 1e6:.4g} uA is not in the measured table, which goes "
                f"from {amperes[0] * 1e6:.3g} uA to {amperes[-1] * 1e6:.3g} uA; measure a wider "
                "one with `labctl run compliance`"
            )
        return float(np.interp(current_a, amperes, volts))

    def current_a(self, gate_v: float) -> float:
        """About the current (A) that a gate voltage allows; beyond the table that of its end."""
        volts, amperes = zip(*self.set_compliance, strict=True)
        return float(np.interp(gate_v, volts, amperes))

"""The published values and their bands, as ``data/paper`` holds them."""

from __future__ import annotations

import tomllib
from typing import Literal

from pydantic import BaseModel, ConfigDict

from labctl.reproduce.measured import Band
from labctl.resources import data_folder

End = float | Literal["open"]


class Published(BaseModel):
    """One quantity of the paper. See the head of the file for what the fields mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    quantity: str
    figure: str
    paper: str
    band: tuple[End, End]
    few_dies_band: tuple[End, End] | None = None
    dies: int = 1
    contradiction: str | None = None

    def band_for(self, dies: int) -> Band:
        """The band that holds for a measurement on so many dies."""
        few = self.few_dies_band if dies < self.dies else None
        low, high = few or self.band
        return _number(low), _number(high)


def published() -> list[Published]:
    """All quantities, in the paper's order."""
    text = (data_folder() / "paper" / "hirtzlin2020.toml").read_text(encoding="utf-8")
    return [Published.model_validate(entry) for entry in tomllib.loads(text)["quantity"]]


def _number(end: End) -> float | None:
    return None if end == "open" else float(end)

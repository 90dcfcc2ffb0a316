"""The runs of a reproduction, as the quantities read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from labctl.report import summarise
from labctl.store.folder import RunFolder


class Runs:
    """Runs by experiment; summaries are worked out once, when they are asked for."""

    def __init__(self, folders: Mapping[str, Sequence[RunFolder]]) -> None:
        self._folders = folders

    def folders(self, key: str) -> Sequence[RunFolder]:
        """The runs of an experiment; none if it was not done."""
        return self._folders.get(key, ())

    def summaries(self, key: str) -> list[dict[str, Any]]:
        """Their summaries, as ``labctl show --json`` has them."""
        if key not in self._summaries:
            self._summaries[key] = [summarise(folder) for folder in self.folders(key)]
        return self._summaries[key]

    @cached_property
    def _summaries(self) -> dict[str, list[dict[str, Any]]]:
        return {}

"""What the tests of served instruments share: none depends on how soon a thread gets its turn."""

from __future__ import annotations

import pytest

from instruments.sim.served import board, server
from tests.protocol.served import PATIENCE_S


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server waits as long as it takes for a place, for a first byte, for lines sent before."""
    for name in ("DECISION_S", "PLACE_S", "ORDER_S"):
        monkeypatch.setattr(server, name, PATIENCE_S)
    monkeypatch.setattr(board, "PLACE_S", PATIENCE_S)


@pytest.fixture
def impatience(patience: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds no place is refused at once."""
    for module in (server, board):
        monkeypatch.setattr(module, "PLACE_S", 0.0)

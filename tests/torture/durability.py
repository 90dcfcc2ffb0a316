"""``docs/durability-result.json``: what was tried and survived, a part for each campaign."""

from __future__ import annotations

import datetime
import json
import platform
from pathlib import Path
from typing import Any

from labctl.provenance import git_revision

RESULT = Path(__file__).resolve().parents[2] / "docs" / "durability-result.json"


def keep(part: str, seconds: float, counts: dict[str, Any]) -> None:
    """Replace one part of the result; ``seconds`` is how long it took."""
    try:
        result = json.loads(RESULT.read_text(encoding="utf-8"))
    except FileNotFoundError:
        result = {}
    result[part] = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "revision": git_revision(),
        "python": platform.python_version(),
        "minutes": round(seconds / 60, 1),
        **counts,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")

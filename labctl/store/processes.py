"""Whether the process that owns a run is still there."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def birth(pid: int) -> str | None:
    """What tells a process from an earlier one of the same number; None where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    # proc(5): field 22, start time; the second field, a name in brackets, may hold blanks.
    return f"{boot} {stat.rpartition(')')[2].split()[19]}"


def is_running(owner: Mapping[str, Any]) -> bool:
    """Whether ``owner["pid"]``, born at ``owner["birth"]``, is a living process of this machine."""
    pid = owner.get("pid")
    if not isinstance(pid, int) or owner.get("host") != platform.node():
        return False
    if owner.get("birth") and birth(pid) not in (None, owner["birth"]):
        return False
    if sys.platform == "win32":
        import ctypes

        query_limited_information = 0x1000
        handle = ctypes.windll.kernel32.OpenProcess(query_limited_information, False, pid)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

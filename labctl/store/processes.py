"""Whether the process that owns a run is still there."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from typing import Any


def is_running(owner: Mapping[str, Any]) -> bool:
    """Whether ``owner["pid"]`` is a living process of this machine."""
    pid = owner.get("pid")
    if not isinstance(pid, int) or owner.get("host") != platform.node():
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

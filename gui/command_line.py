"""The ``labctl`` line that does what the form says."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z0-9_./:\\+=-]+")
"""What neither cmd nor PowerShell gives a meaning to."""
_LITERAL_IN_QUOTES = re.compile(r'[^"$`%!]*')
"""What both leave as it is within double quotes."""


def flag(name: str) -> str:
    """The option of a parameter or of a run option.

    >>> flag("set_compliance")
    '--set-compliance'
    """
    return "--" + name.replace("_", "-")


def arguments(procedure: str, typed: Mapping[str, str], options: Mapping[str, str]) -> list[str]:
    """What follows ``labctl``: parameters and run options by name, as typed.

    >>> arguments("read", {"repeats": "10"}, {"die": "lab3", "temperature": "-40"})
    ['run', 'read', '--repeats', '10', '--die', 'lab3', '--temperature=-40']
    """
    line = ["run", procedure]
    for name, value in (*typed.items(), *options.items()):
        line += _given(name, value)
    return line


def resume_arguments(run: str, options: Mapping[str, str]) -> list[str]:
    """What follows ``labctl`` to go on with a run; of the options those that ``resume`` takes.

    >>> resume_arguments("20261122-102233-endurance", {"runs": "data/runs", "die": "lab3"})
    ['resume', '20261122-102233-endurance', '--die', 'lab3', '--runs', 'data/runs']
    """
    line = ["resume", run]
    for name in ("die", "max_cycles_per_device", "log_level", "runs"):
        if name in options:
            line += _given(name, options[name])
    return line


def text(line: Sequence[str], windows: bool = sys.platform == "win32") -> str:
    """The whole line, quoted for the platform's shell; on Windows for PowerShell.

    >>> text(["run", "read", "--die", "lot 7"], windows=False)
    "labctl run read --die 'lot 7'"
    >>> text(["run", "sense", "--vdd", "1.2V,1V"], windows=True)
    'labctl run sense --vdd "1.2V,1V"'
    """
    words = ["labctl", *line]
    return " ".join(map(_quoted_for_windows, words)) if windows else shlex.join(words)


def _given(name: str, value: str) -> list[str]:
    # A value that begins with a dash is not to be taken for an option.
    return [f"{flag(name)}={value}"] if value.startswith("-") else [flag(name), value]


def _quoted_for_windows(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    if _LITERAL_IN_QUOTES.fullmatch(word):
        return f'"{word}"'
    return "'" + word.replace("'", "''") + "'"

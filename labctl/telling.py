"""Tells someone that a run or a queue has ended: by a command, by a webhook, or both.

``LABCTL_ON_END`` is a command that gets the message as JSON on standard input; no shell reads it.
``LABCTL_WEBHOOK`` is a URL that gets it by HTTP POST. Both are environment variables, because they
may hold secrets. Whatever fails here is a sentence, and ends no run.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

ON_END = "LABCTL_ON_END"
WEBHOOK = "LABCTL_WEBHOOK"

COMMAND_S = 30.0
WEBHOOK_S = 5.0
"""Longest time that a command, or the server, may take, s."""

_TOLD = ("run", "procedure", "status", "reason", "kind", "die", "headline", "started", "ended")


def run_message(summary: dict[str, Any], limit_reached: bool) -> dict[str, Any]:
    """What is told of a run: ``event`` is run_success, run_aborted, run_failed or run_limit."""
    die = summary.get("die") or {}
    event = "run_limit" if limit_reached else f"run_{summary['status']}"
    return {"event": event, **{key: summary.get(key) for key in _TOLD}, "die": die.get("name")}


def tell(message: dict[str, Any]) -> list[str]:
    """Call whom the environment names; returns a sentence for each that could not be told."""
    content = json.dumps(message, ensure_ascii=False).encode("utf-8")
    problems = []
    command, url = os.environ.get(ON_END, "").strip(), os.environ.get(WEBHOOK, "").strip()
    if command:
        problems.append(_call(command, content))
    if url:
        problems.append(_post(url, content))
    return [problem for problem in problems if problem]


def _call(command: str, content: bytes) -> str:
    """Run the command; empty if it ended with 0. Arguments, which may be secret, are not told."""
    try:
        # Windows splits a command line itself, by rules of its own.
        arguments = command if os.name == "nt" else shlex.split(command)
        done = subprocess.run(arguments, input=content, capture_output=True, timeout=COMMAND_S)
    except subprocess.TimeoutExpired:
        return f"the command of {ON_END} was ended after {COMMAND_S:g} s"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return f"the command of {ON_END} could not be called: {reason}"
    if done.returncode:
        return f"the command of {ON_END} ended with status {done.returncode}"
    return ""


def _post(url: str, content: bytes) -> str:
    """Post to the webhook; empty if it answered well. Of the URL, only the host is told."""
    host = ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host:
            return f"{WEBHOOK} is no http or https address"
        request = Request(url, content, {"Content-Type": "application/json"})
        with urlopen(request, timeout=WEBHOOK_S):
            return ""
    except HTTPError as error:
        return f"the webhook at {host} answered {error.code}"
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        return f"the webhook at {host} could not be reached: {reason}"

"""A plan as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labctl.report.text import count, duration, with_prefix

if TYPE_CHECKING:
    from rich.table import Table


def plan_table(plan: dict[str, Any]) -> Table:
    """The plan (as plain types) as a rich table of two columns."""
    from rich.markup import escape
    from rich.table import Table

    die = f", die {plan['die']}" if plan["die"] else ""
    title = escape(f"Plan of {plan['procedure']} on bench {plan['bench']}{die}; nothing was sent")
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in plan_rows(plan):
        table.add_row(label, escape(text))
    return table


def plan_rows(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each line."""
    return [
        ("Conditions", plan["headline"]),
        ("Steps", f"{plan['steps']}, bench time about {duration(plan['bench_time_s'])}"),
        ("Pulses a device", _pulses(plan["pulses_per_device"], "at most ")),
        ("Pulses in all", _pulses(plan["pulses"], "at most ")),
        *([("Booked so far", _booked(plan))] if plan["die"] else []),
        ("Energy", _energy(plan)),
        *((_pad_label(pad), _pad_text(pad)) for pad in plan["pads"]),
        *((f"Scheme {name}", _schemes(alike)) for name, alike in _by_name(plan["schemes"])),
        *(
            (need["what"].capitalize(), f"{need['needed']:.6g} of {need['allowed']:.6g}")
            for need in plan["instrument"]
        ),
    ]


def _pulses(counts: dict[str, int], before: str = "") -> str:
    if not counts:
        return "none: this procedure changes no device"
    return before + ", ".join(f"{number:,} {kind}" for kind, number in counts.items())


def _booked(plan: dict[str, Any]) -> str:
    booked = plan["booked_per_device"]
    if not booked:
        return "nothing, by the ledger beside the runs"
    return _pulses(booked) + " on the device with most"


def _energy(plan: dict[str, Any]) -> str:
    device, total = plan["energy_per_device_j"], plan["energy_j"]
    if not total:
        return "none in pulses"
    return (
        f"at most about {with_prefix(float(f'{device:.2g}'), 'J')} a device, "
        f"{with_prefix(float(f'{total:.2g}'), 'J')} in all (compliance x voltage x time)"
    )


def _pad_label(pad: dict[str, Any]) -> str:
    return f"Pad {pad['pad']}"


def _pad_text(pad: dict[str, Any]) -> str:
    return (
        f"{pad['lowest_v']:.4g} V to {pad['highest_v']:.4g} V, allowed "
        f"{pad['limit_low_v']:g} V to {pad['limit_high_v']:g} V"
    )


def _by_name(schemes: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Schemes that differ in voltages or widths only, together."""
    named: dict[str, list[dict[str, Any]]] = {}
    for scheme in schemes:
        named.setdefault(scheme["name"], []).append(scheme)
    return list(named.items())


def _schemes(alike: list[dict[str, Any]]) -> str:
    does = ", ".join(alike[0]["pulses"]) or "no pulse"
    shortest, longest = (
        with_prefix(float(f"{end(s['duration_s'] for s in alike):.4g}"), "s") for end in (min, max)
    )
    lasts = shortest if shortest == longest else f"{shortest} to {longest}"
    times = sum(s["times"] for s in alike)
    conditions = f"{len(alike)} conditions; " if len(alike) > 1 else ""
    return f"{does}; {conditions}{lasts}; up to {times:,} x {count(alike[0]['cells'], 'cell')}"

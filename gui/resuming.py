"""Going on with a run: the command line, and what a person may say to a refusal of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gui import command_line
from gui.run_list import RunLine

_DIE = "--die"
_CONSEQUENCES = {
    "--accept-change": "Every device is then taken as it reads now; if this is another die, it "
    "gets the pulses, and the run holds data of two. Go on?",
    "--other-host-is-gone": "If something of it does go on there, two programs write into one run. "
    "Go on here?",
}
"""Option to the question: what follows if the person is wrong."""


@dataclass(frozen=True)
class Resuming:
    """One way to go on with a run.

    ``options`` are run options by name; ``said``: what a person has said to refusals so far.
    """

    line: RunLine
    options: Mapping[str, str]
    said: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        """What follows ``labctl``."""
        options = {**self.options, "runs": str(self.line.path.parent)}
        return [*command_line.resume_arguments(self.line.run, options), *self.said]

    def saying(self, option: str) -> Resuming:
        """The same with an option that the command has asked for."""
        if option != _DIE:
            return replace(self, said=(*self.said, option))
        options = {name: text for name, text in self.options.items() if name != "die"}
        if self.line.die:
            options["die"] = self.line.die
        return replace(self, options=options)

    def question(self, option: str, reason: str) -> str:
        """What a person is asked after a refusal: the command's own sentence, and what follows."""
        refused = f"{self.line.run} does not go on: {reason.rstrip('.')}."
        if option != _DIE:
            return f"{refused} {_CONSEQUENCES.get(option, f'Go on with {option}?')}"
        if not self.line.die:
            return f"{refused} Go on with its own die?"
        return (
            f"{refused} Is {self.line.die} at the probes? Its name is given then, and the pulses "
            "are booked under it."
        )

"""A queue's recipe: several runs in order on one die, in a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from labctl.resources import data_folder
from procedures import PROCEDURES, load_procedure
from procedures.base import BenchProcedure

Typed = str | int | float
"""A value as typed on the command line."""


class RecipeError(ValueError):
    """A recipe that cannot be carried out; the message lists everything that is wrong."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Comparison(_Section):
    """A value of a run's summary against a bound: exactly one of above, below, equals."""

    summary: str
    """Where in the summary, names and places in lists joined by points: "ber_2t2r.value"."""
    above: float | None = None
    below: float | None = None
    equals: bool | float | str | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Comparison:
        self._require_one_bound()
        return self

    def _require_one_bound(self) -> None:
        given = [bound for bound in (self.above, self.below, self.equals) if bound is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of above, below, equals")

    def judge(self, summary: dict[str, Any]) -> tuple[bool, str]:
        """Whether it holds, and the sentence for people; RecipeError if the value is not there."""
        value = summary_value(summary, self.summary)
        if value is None or (self.equals is None and not isinstance(value, int | float)):
            raise RecipeError(f"{self.summary} is not known: the condition cannot be judged")
        if self.above is not None:
            return value > self.above, f"{self.summary} is {value:g}, above {self.above:g}"
        if self.below is not None:
            return value < self.below, f"{self.summary} is {value:g}, below {self.below:g}"
        return value == self.equals, f"{self.summary} is {value}"


class Skip(Comparison):
    """Skips a run by what an earlier one found, or because a bit is retired."""

    summary: str = ""
    of: str = ""
    """Name of the earlier run; of a sweep the last one counts."""
    retired: str = ""
    """A bit, "row,column"."""

    @model_validator(mode="after")
    def _one_bound(self) -> Skip:
        if self.retired:
            if self.summary or self.of:
                raise ValueError("give retired, or of and summary, not both")
            row, _, column = self.retired.partition(",")
            if not (row.strip().isdecimal() and column.strip().isdecimal()):
                raise ValueError('retired is a bit, as "3,7"')
            return self
        if not (self.summary and self.of):
            raise ValueError("give retired, or of and summary")
        self._require_one_bound()
        return self

    @property
    def bit(self) -> tuple[int, int]:
        """Row and column of the bit."""
        row, _, column = self.retired.partition(",")
        return int(row), int(column)


class Entry(_Section):
    """A procedure with its parameters, run once, or for each combination of its sweep."""

    procedure: str
    name: str = ""
    """How conditions call it; the procedure's name without one."""
    parameters: dict[str, Typed] = Field(default_factory=dict)
    sweep: dict[str, Annotated[list[Typed], Field(min_length=1)]] = Field(default_factory=dict)
    stop_if: list[Comparison] = Field(default_factory=list)
    skip_if: list[Skip] = Field(default_factory=list)

    @field_validator("stop_if", "skip_if", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return [given] if isinstance(given, dict) else given

    @property
    def called(self) -> str:
        """Its name, or that of its procedure."""
        return self.name or self.procedure


class Recipe(_Section):
    """The whole file. What is not given comes from the command line."""

    recipe: Literal[1]
    """Version of this format."""
    about: str = ""
    bench: Path | None = None
    """Bench file, from the recipe's folder on; without it the simulated bench."""
    die: str | None = None
    seed: int | None = Field(default=None, ge=0)
    """Of a simulated die that is new."""
    max_cycles_per_device: int | None = Field(default=None, ge=1)
    run: Annotated[list[Entry], Field(min_length=1)]


@dataclass(frozen=True)
class QueuedRun:
    """One run of a queue: an entry with one combination of its sweep."""

    number: int
    label: str
    entry: Entry
    values: dict[str, str]

    def procedure(self) -> BenchProcedure:
        """The procedure with its parameters; ValueError with one sentence if they are wrong."""
        made = load_procedure(self.entry.procedure)()
        made.set_parameters(self.values)
        return made


@dataclass(frozen=True)
class RecipeFile:
    """A recipe as read, with the text it was read from."""

    path: Path
    text: str
    content: Recipe

    @property
    def runs(self) -> list[QueuedRun]:
        """All runs in order, sweeps unfolded; the last parameter of a sweep varies fastest."""
        runs: list[QueuedRun] = []
        for entry in self.content.run:
            fixed = {_key(name): str(value) for name, value in entry.parameters.items()}
            for combination in product(*entry.sweep.values()):
                swept = {
                    _key(name): str(value)
                    for name, value in zip(entry.sweep, combination, strict=True)
                }
                told = ", ".join(f"{name} {value}" for name, value in swept.items())
                label = f"{entry.called} ({told})" if told else entry.called
                runs.append(QueuedRun(len(runs) + 1, label, entry, fixed | swept))
        return runs


def load_recipe(path: Path) -> RecipeFile:
    """Read a recipe, one's own or one that ships (``full-die``). Raises `RecipeError`."""
    shipped = data_folder() / "recipes" / f"{path.name.removesuffix('.toml')}.toml"
    if not path.exists() and path.parent == Path() and shipped.is_file():
        path = shipped
    try:
        text = path.read_text(encoding="utf-8")
        content = Recipe.model_validate(tomllib.loads(text.removeprefix("\ufeff")))
    except OSError as error:
        there = ", ".join(sorted(p.stem for p in shipped.parent.glob("*.toml")))
        raise RecipeError(f"{path} cannot be read ({error.strerror}); shipped: {there}") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path} is not a UTF-8 text file: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not valid TOML: {error}") from None
    except ValidationError as error:
        raise RecipeError(listed(path, [_sentence(dict(e)) for e in error.errors()])) from None
    problems = _problems(content)
    if problems:
        raise RecipeError(listed(path, problems))
    return RecipeFile(path, text, content)


def listed(path: Path, problems: list[str]) -> str:
    """All problems of a file, one a line if there are several."""
    if len(problems) == 1:
        return f"{path}: {problems[0]}"
    return "\n  ".join([f"{path}: {len(problems)} problems", *problems])


def summary_value(summary: dict[str, Any], path: str) -> Any:
    """A value by its path; None where there is none.

    >>> summary_value({"ber": {"value": 0.5}, "points": [{"n": 3}]}, "points.0.n")
    3
    >>> summary_value({"ber": {"value": 0.5}}, "ber.errors")
    """

    def step(inside: Any, key: str) -> Any:
        if isinstance(inside, dict):
            return inside.get(key)
        if isinstance(inside, list) and key.isdecimal() and int(key) < len(inside):
            return inside[int(key)]
        return None

    return reduce(step, path.split("."), summary)


def _key(name: str) -> str:
    """A parameter's name as in Python; dashes as on the command line are fine."""
    return name.replace("-", "_")


def _problems(content: Recipe) -> list[str]:
    """What no single field tells: unknown procedures and parameters, conditions without a run."""
    problems = []
    earlier: set[str] = set()
    for number, entry in enumerate(content.run, start=1):
        where = f"run {number}"
        if entry.procedure not in PROCEDURES:
            known = ", ".join(PROCEDURES)
            problems.append(f"{where}: no procedure {entry.procedure!r}; there are {known}")
        else:
            known_parameters = load_procedure(entry.procedure)()._parameters
            for name in [*entry.parameters, *entry.sweep]:
                if _key(name) not in known_parameters:
                    problems.append(
                        f"{where}: {entry.procedure} has no parameter {name!r}; there are "
                        + ", ".join(known_parameters)
                    )
        twice = {_key(name) for name in entry.parameters} & {_key(name) for name in entry.sweep}
        problems += [f"{where}: {name} is swept and given" for name in sorted(twice)]
        problems += [
            f"{where}: skip_if asks for {skip.of!r}, and no earlier run is called so"
            for skip in entry.skip_if
            if skip.of and skip.of not in earlier
        ]
        earlier.add(entry.called)
    return problems


def _sentence(error: dict[str, Any]) -> str:
    """One pydantic error as a person would say it; runs are counted from 1."""
    parts = list(error["loc"])
    where = ".".join(str(part) for part in parts)
    if parts[:1] == ["run"] and len(parts) > 1 and isinstance(parts[1], int):
        where = ", ".join(
            [f"run {parts[1] + 1}", *([".".join(map(str, parts[2:]))] * bool(parts[2:]))]
        )
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key"
    if error["type"] == "missing":
        return f"{where}: missing"
    return f"{where}: {str(error['msg']).removeprefix('Value error, ')}"

"""Bench files and chip files: read, checked as a whole, frozen.

Every mistake of a file is reported in one error, each with what exists instead, so that a bench
file is mended in one go.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instruments.limits import VoltageLimit
from instruments.testchip.compliance import Volts
from instruments.testchip.description import ChipDescription
from instruments.testchip.pads import DRIVEN_PADS, METERS, OUTPUT_PADS, PULSED_PADS, SUPPLY_PADS
from labctl.resources import data_folder

SIMULATED = "sim"
BOARD = "board"
DIGITAL_IO = "mainframe.digital_io"
DECODER_BOARD = "board.address"

PULSE_MODULE = "B1530A"
SMU_MODULES = ("B1517A", "B1511A", "B1511B", "B1510A")

Model = Literal["B1530A", "B1517A", "B1511A", "B1511B", "B1510A", "B1514A", "B1520A", "B1525A"]
Slot = Annotated[int, Field(ge=1, le=10)]
Line = Annotated[int, Field(ge=1, le=16)]
Content = TypeVar("Content", bound=BaseModel)


class BenchFileError(ValueError):
    """A bench or chip file that does not hold; the message lists everything that is wrong."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BenchSection(_Section):
    """Name of the bench, and the chip file: beside the bench file or one that ships."""

    name: str
    chip: str


class MainframeSection(_Section):
    """How to reach the B1500A, and the modules it must hold, by slot."""

    visa: str
    wgfmu_library: str
    modules: dict[Slot, Model]


class AddressSection(_Section):
    """Digital lines (DIO numbers) of AR0-AR4, then AC0-AC4."""

    lines: Annotated[tuple[Line, ...], Field(min_length=10, max_length=10)]


class BoardSection(_Section):
    """How to reach the decoder board (docs/decoder-board.md)."""

    visa: str


class LimitSection(_Section):
    """Voltages that this bench allows on a pad, V."""

    volts: tuple[Volts, Volts]


class SimulationSection(_Section):
    """Settings of a simulated bench. ``pace``: bench seconds in a real second; 0 is flat out."""

    pace: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class BenchFile(_Section):
    """A bench file's content. Roles bind pads and meters to channels.

    The address comes from the mainframe's digital lines (``address``) or from a ``board``.
    """

    bench: BenchSection
    mainframe: MainframeSection
    roles: dict[str, str]
    address: AddressSection | None = None
    board: BoardSection | None = None
    limits: dict[str, LimitSection] = {}
    simulation: SimulationSection = SimulationSection()


class BenchSetup:
    """A bench file and its chip file, checked against each other.

    ``text`` and ``sha256`` are of the bench file as read; ``file`` is where it was.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.text = _read(file)
        self.sha256 = hashlib.sha256(self.text.encode("utf-8")).hexdigest()
        self.content = _parse(file, self.text, BenchFile)
        chip_file = _find_chip_file(file, self.content.bench.chip)
        self.chip_text = _read(chip_file)
        self.chip = _parse(chip_file, self.chip_text, ChipDescription)
        problems = [
            *_role_problems(self.content),
            *_address_problems(self.content),
            *_limit_problems(self.content, self.chip),
        ]
        if problems:
            raise BenchFileError(_listed(file, problems))

    @property
    def simulated(self) -> bool:
        """Whether the instruments are simulated."""
        return self.content.mainframe.visa == SIMULATED

    def channel(self, role: str) -> tuple[str, int] | None:
        """Kind (wgfmu, smu) and number that a role is bound to; None for the board."""
        binding = self.content.roles[role]
        if binding == BOARD:
            return None
        kind, _, number = binding.partition(".")
        return kind, int(number)

    def limit(self, pad: str) -> VoltageLimit:
        """The pad's limit: the chip's rating, tightened by the bench file."""
        rating = self.chip.limit(pad)
        section = self.content.limits.get(pad)
        if section is None:
            return rating
        return VoltageLimit(
            pad, max(rating.low, section.volts[0]), min(rating.high, section.volts[1])
        )


def load_setup(file: Path | None) -> BenchSetup:
    """The named bench file, or the simulated bench that ships. Raises `BenchFileError`."""
    return BenchSetup(file if file is not None else example_file("simulated"))


def example_file(name: str) -> Path:
    """A bench file that ships with labctl: ``simulated`` or ``b1500``."""
    path = data_folder() / "benches" / f"{name}.toml"
    if not path.is_file():
        there = sorted(p.stem for p in path.parent.glob("*.toml"))
        raise BenchFileError(f"no example bench {name!r}; there are {', '.join(there)}")
    return path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise BenchFileError(
            f"{path} cannot be read ({reason}); `labctl bench example simulated` prints a "
            "complete bench file to start from"
        ) from None
    except UnicodeDecodeError:
        raise BenchFileError(f"{path} is not a UTF-8 text file: save it as UTF-8") from None


def _find_chip_file(bench_file: Path, name: str) -> Path:
    beside, shipped = bench_file.parent / name, data_folder() / name
    for path in (beside, shipped):
        if path.is_file():
            return path
    there = ", ".join(f"chips/{p.name}" for p in sorted((data_folder() / "chips").glob("*.toml")))
    raise BenchFileError(
        f"{bench_file}: chip file {name!r} is neither beside the bench file nor one that ships "
        f"with labctl ({there})"
    )


def _parse(path: Path, text: str, model: type[Content]) -> Content:
    try:
        return model.model_validate(tomllib.loads(text.removeprefix("\ufeff")))
    except tomllib.TOMLDecodeError as error:
        raise BenchFileError(f"{path} is not valid TOML: {error}") from None
    except ValidationError as error:
        raise BenchFileError(
            _listed(path, [_sentence(dict(e), model) for e in error.errors()])
        ) from None


def _sentence(error: dict[str, Any], model: type[BaseModel]) -> str:
    """One pydantic error as a person would say it."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = ", ".join(_known_keys(model, error["loc"][:-1]))
        return f"{where}: unknown key; known here: {known}"
    if error["type"] == "missing":
        return f"{where}: missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    given = error.get("input")
    shown = "" if isinstance(given, dict) else f" (given: {given!r})"
    return f"{where}: {message}{shown}"


def _known_keys(model: type[BaseModel], path: Iterable[Any]) -> list[str]:
    """Keys of the section that a path leads to."""
    for key in path:
        field = model.model_fields.get(str(key))
        if field is None or not (
            isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        ):
            break
        model = field.annotation
    return sorted(model.model_fields)


def _role_problems(content: BenchFile) -> list[str]:
    """Everything that is wrong with the roles: names, channels, modules, double use."""
    modules = content.mainframe.modules
    pulse_channels = sorted(
        100 * slot + n for slot, model in modules.items() if model == PULSE_MODULE for n in (1, 2)
    )
    smus = sorted(slot for slot, model in modules.items() if model in SMU_MODULES)
    kinds = {
        **dict.fromkeys((*PULSED_PADS, *OUTPUT_PADS), "wgfmu"),
        **dict.fromkeys((*METERS, *SUPPLY_PADS), "smu"),
        "address": "address",
    }
    exist = {
        "wgfmu": ", ".join(f"wgfmu.{c}" for c in pulse_channels) or "no B1530A in modules",
        "smu": ", ".join(f"smu.{s}" for s in smus) or "no SMU in modules",
        "address": f"{DIGITAL_IO}, {DECODER_BOARD}",
    }
    allowed = {
        "wgfmu": {f"wgfmu.{c}" for c in pulse_channels},
        "smu": {f"smu.{s}" for s in smus},
        "address": {DIGITAL_IO, DECODER_BOARD},
    }
    problems = [
        f"roles.{role}: unknown role; the roles are {', '.join(kinds)}"
        for role in content.roles
        if role not in kinds
    ]
    used: dict[str, str] = {}
    for role, kind in kinds.items():
        binding = content.roles.get(role)
        if binding is None:
            problems.append(f"roles.{role}: missing; there are {exist[kind]}")
        elif binding == BOARD and role in SUPPLY_PADS:
            continue
        elif binding not in allowed[kind]:
            problems.append(f"roles.{role}: {binding!r} does not exist; there are {exist[kind]}")
        elif binding in used:
            problems.append(f"roles.{role}: {binding} is already used by {used[binding]}")
        else:
            used[binding] = role
    if (content.mainframe.visa == SIMULATED) != (content.mainframe.wgfmu_library == SIMULATED):
        problems.append("mainframe: visa and wgfmu_library must both be 'sim', or neither")
    return problems


def _address_problems(content: BenchFile) -> list[str]:
    """The address has one source: the mainframe's digital lines, or a decoder board."""
    role, lines, board = content.roles.get("address"), content.address, content.board
    problems = []
    if role == DIGITAL_IO and lines is None:
        problems.append(f"address: missing; {DIGITAL_IO} needs its ten lines")
    if role == DIGITAL_IO and board is not None:
        problems.append(f"board: not used, as roles.address is {DIGITAL_IO}; leave one of them out")
    if role == DECODER_BOARD and board is None:
        problems.append(f"board: missing; {DECODER_BOARD} needs its visa resource")
    if role == DECODER_BOARD and lines is not None:
        problems.append(
            f"address: not used, as roles.address is {DECODER_BOARD}; leave one of them out"
        )
    if lines is not None and len(set(lines.lines)) != 10:
        problems.append("address.lines: ten different DIO numbers are needed")
    if board is not None and (board.visa == SIMULATED) != (content.mainframe.visa == SIMULATED):
        problems.append("board: its visa and the mainframe's must both be 'sim', or neither")
    return problems


def _limit_problems(content: BenchFile, chip: ChipDescription) -> list[str]:
    """Limits must name pads, contain 0 V and not be wider than the chip's ratings."""
    problems = []
    for pad, section in content.limits.items():
        if pad not in DRIVEN_PADS:
            problems.append(f"limits.{pad}: unknown pad; the pads are {', '.join(DRIVEN_PADS)}")
            continue
        low, high = section.volts
        rating = chip.limit(pad)
        if not low <= 0 <= high:
            problems.append(f"limits.{pad}: 0 V must be allowed (given: {low:g} V to {high:g} V)")
        if low < rating.low or high > rating.high:
            problems.append(
                f"limits.{pad}: {low:g} V to {high:g} V is wider than the chip's absolute maximum "
                f"rating, {rating.low:g} V to {rating.high:g} V"
            )
    return problems


def _listed(path: Path, problems: list[str]) -> str:
    count = f"{len(problems)} mistakes" if len(problems) > 1 else "1 mistake"
    return f"{path}: {count}\n" + "\n".join(f"  - {problem}" for problem in problems)

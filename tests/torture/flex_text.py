"""FLEX text as a fuzz sends it: commands with right and wrong parameters, mutations, garbage.

Sweeps and samplings are kept short: a measurement of 100 000 points takes the real mainframe
minutes and the simulation too, which is work and no hang.
"""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from instruments.sim.flex.mainframe import _COMMANDS

Fields = tuple[SearchStrategy[str], ...]

EXTREMES = ("", "-", "+", "1E", "E5", ".", "nan", "inf", "0x1", "1_0", "9" * 40, "1E308", "-1E-308")


def whole(*values: int) -> SearchStrategy[str]:
    """One of these numbers."""
    return st.sampled_from([str(value) for value in values])


def spelled(value: float) -> SearchStrategy[str]:
    """A number in the ways that clients write it."""
    return st.sampled_from([f"{value:g}", f"{value:.4E}", repr(value), f"{value:+.6f}"])


def number(*wanted: float, low: float, high: float) -> SearchStrategy[str]:
    """One of the values that clients send, or any between."""
    return st.one_of(st.sampled_from(wanted), st.floats(low, high)).flatmap(spelled)


SMU = st.one_of(whole(5, 6, 7, 8, 9), whole(5, 6, 7, 8, 9, 0, 1, 10, 11, 501, 502, -5))
V_RANGE = whole(0, 0, 5, 20, 50, 200, 400, 1000, 11, 14, -200, 3)
I_RANGE = whole(0, 0, 9, 11, 14, 17, 19, -14, -19, 8)
RANGE = st.one_of(V_RANGE, I_RANGE)
VOLTS = number(0.0, 0.1, 1.2, -1.0, 3.3, 20.0, 42.1, 100.0, -100.0, 101.0, low=-12, high=12)
AMPS = number(0.0, 1e-9, 1e-6, -1e-6, 1e-3, 0.02, 0.1, 0.11, low=-1e-3, high=1e-3)
COMPLIANCE_A = number(1e-3, 1e-7, 0.1, 0.0, 0.2, low=-0.02, high=0.02)
COMPLIANCE_V = number(2.0, 20.0, 100.0, 0.0, 120.0, low=-20, high=20)
POLARITY = whole(0, 1, 2)
POWER = number(1e-3, 2.0, 0.0, low=1e-3, high=2)
STEPS = whole(1, 2, 3, 5, 11, 0, 100_000)
SWEEP = whole(1, 2, 3, 4, 1, 5)
SWITCH = whole(0, 1, 0, 1, 2)
SECONDS = number(0.0, 0.01, 1.0, 655.35, 700.0, low=0, high=2)
SHORT = number(0.0, 1e-3, 65.0, 66.0, low=0, high=0.1)
WORD = whole(0, 1, 31, 32, 992, 65535, 64512, 65536, -1)
ANY = st.one_of(whole(*range(-1, 34)), VOLTS, AMPS)

SOURCE_V: Fields = (SMU, V_RANGE, VOLTS, COMPLIANCE_A, POLARITY, I_RANGE)
SOURCE_I: Fields = (SMU, I_RANGE, AMPS, COMPLIANCE_V, POLARITY, V_RANGE)
SWEEP_V: Fields = (SMU, SWEEP, V_RANGE, VOLTS, VOLTS, STEPS, COMPLIANCE_A, POWER)
SWEEP_I: Fields = (SMU, SWEEP, I_RANGE, AMPS, AMPS, STEPS, COMPLIANCE_V, POWER)
ALONG_V: Fields = (SMU, V_RANGE, VOLTS, VOLTS, COMPLIANCE_A, POWER)
ALONG_I: Fields = (SMU, I_RANGE, AMPS, AMPS, COMPLIANCE_V, POWER)
LEVELS_V: Fields = (SMU, V_RANGE, VOLTS, VOLTS, COMPLIANCE_A)
LEVELS_I: Fields = (SMU, I_RANGE, AMPS, AMPS, COMPLIANCE_V)

FIELDS: Mapping[str, Fields] = {
    "AAD": (SMU, whole(0, 1, 2, 3)),
    "AIT": (whole(0, 1, 2, 3), whole(0, 1, 2, 3, 4), number(1, 6, 1023, 2e-6, low=0, high=30)),
    "AV": (whole(1, 5, -1, 1023, -100, 0), SWITCH),
    "AZ": (SWITCH,),
    "CA": (whole(0, 5, 10),),
    "CL": (SMU,),
    "CM": (SWITCH,),
    "CMM": (SMU, whole(0, 1, 2, 3, 4, 5)),
    "CN": (SMU,),
    "*CAL?": (whole(0, 5, 10),),
    "DI": SOURCE_I,
    "DIAG?": (whole(1, 3, 4, 6, 7, 2),),
    "DV": SOURCE_V,
    "DZ": (SMU,),
    "EMG?": (whole(0, 100, 120, 200, 3301, 77),),
    "ERC": (whole(2, 2, 2, 1), WORD, SWITCH),
    "ERM": (WORD,),
    "ERMOD": (whole(0, 0, 1, 2, 4, 8, 3), ANY),
    "ERR?": (SWITCH,),
    "ERRX?": (SWITCH,),
    "ERSSP": (whole(0, 1, 2, 3, 4), whole(0, 1, 2, 3, 4)),
    "ERSSP?": (whole(0, 1, 2, 3, 4),),
    "FL": (SWITCH, SMU),
    "FMT": (whole(1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 21, 22, 25, 6), whole(0, 1, 2, 10, 11)),
    "IN": (SMU,),
    "INTLKVTH": (whole(0, 42, 42, 10),),
    "*LRN?": (
        whole(0, *range(1, 11), 30, 31, 32, 33, 34, 38, 46, 47, 53, 54, 55, 56, 57, 60, 110),
    ),
    "MCC": (SMU,),
    "MI": LEVELS_I,
    "ML": (whole(1, 1, 2, 3, 4, 5, 6, 7, 0),),
    "MM": (whole(1, 2, 3, 4, 5, 10, 16, 9), SMU),
    "MSC": (whole(1, 2, 3), whole(1, 2, 3)),
    "MT": (
        number(0.0, -1e-3, 655.35, -0.1, low=0, high=1),
        number(1e-4, 2e-3, 65.0, 1e-5, low=1e-4, high=1e-2),
        whole(1, 2, 10, 50, 0, 200_000),
        SECONDS,
    ),
    "MV": LEVELS_V,
    "PA": (number(0.0, 1.0, 99.9999, 100.0, -1.0, low=0, high=5),),
    "PAD": (SWITCH,),
    "PI": LEVELS_I,
    "PT": (
        SECONDS,
        number(1e-3, 0.5e-3, 2.0, 2.1, low=0.5e-3, high=0.2),
        number(10e-3, 5e-3, 5.0, 5.1, low=5e-3, high=0.5),
    ),
    "PV": LEVELS_V,
    "PWI": (SMU, SWEEP, I_RANGE, AMPS, AMPS, AMPS, STEPS, COMPLIANCE_V, POWER),
    "PWV": (SMU, SWEEP, V_RANGE, VOLTS, VOLTS, VOLTS, STEPS, COMPLIANCE_A, POWER),
    "RCV": (whole(0, 5, 10),),
    "RED": (SWITCH,),
    "RI": (SMU, I_RANGE),
    "RM": (SMU, whole(1, 2, 3, 4), whole(11, 50, 100, 101)),
    "RV": (SMU, V_RANGE),
    "RZ": (SMU,),
    "*SRE": (whole(0, 1, 16, 64, 255, 256, -1),),
    "SSR": (SMU, SWITCH),
    "TI": (SMU, I_RANGE),
    "TIV": (SMU, I_RANGE, V_RANGE),
    "TM": (whole(1, 2, 3, 4, 5),),
    "TSC": (SWITCH,),
    "TSR": (SMU,),
    "*TST?": (whole(0, 1, 5, 10), SWITCH),
    "TTI": (SMU, I_RANGE),
    "TTIV": (SMU, I_RANGE, V_RANGE),
    "TTV": (SMU, V_RANGE),
    "TV": (SMU, V_RANGE),
    "UNT?": (whole(0, 0, 1),),
    "WAT": (whole(1, 2, 3), number(1.0, 10.0, 11.0, low=0, high=10), SHORT),
    "WI": SWEEP_I,
    "WM": (whole(1, 2, 3), whole(1, 2, 3)),
    "WNX": (whole(2, 3, 10, 1, 11), SMU, whole(1, 2, 3), RANGE, VOLTS, VOLTS, COMPLIANCE_A, POWER),
    "WSI": ALONG_I,
    "WSV": ALONG_V,
    "WT": (SECONDS, SHORT, SHORT, SHORT, SHORT),
    "WV": SWEEP_V,
    "WZ?": (SECONDS,),
    **dict.fromkeys(
        ("*IDN?", "*OPC?", "*RST", "*SRE?", "*STB?", "AB", "BC", "ERMOD?", "ERS?", "INTLKVTH?"), ()
    ),
    **dict.fromkeys(("LOP?", "NUB?", "TSQ", "WNCC", "WNU?", "XE"), ()),
}
"""What the parameters of each command look like; the last one is repeated for channel lists."""


@st.composite
def commands(draw: st.DrawFn) -> str:
    """A command with parameters of the right kind and number, though not always right together."""
    mnemonic = draw(st.sampled_from(sorted(FIELDS)))
    fields, command = FIELDS[mnemonic], _COMMANDS[mnemonic]
    count = draw(st.integers(command.least, min(command.most, max(len(fields), 4))))
    if not fields:
        count = 0
    parameters = [draw(fields[min(index, len(fields) - 1)]) for index in range(count)]
    blank = draw(st.sampled_from([" ", "", "  "]))
    return mnemonic + blank + draw(st.sampled_from([",", ", "])).join(parameters)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Some commands with a few characters changed, added, lost, or a number made extreme."""
    text = draw(st.lists(commands(), min_size=1, max_size=3).map(";".join))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            text = text[:at] + text[at + 1 :]
        elif kind == 1:
            text = text[:at] + draw(GARBAGE_CHARACTERS) + text[at:]
        elif kind == 2:
            text = text[:at].lower() + text[at:]
        elif kind == 3:
            text = text[:at] + draw(st.sampled_from(EXTREMES)) + text[at:]
        else:
            text = text[at:] + text[:at]
    return text


# What a socket delivers is any byte, read as Latin-1.
GARBAGE_CHARACTERS = st.characters(min_codepoint=0, max_codepoint=255)

lines = st.one_of(
    commands(),
    commands(),
    st.lists(commands(), min_size=2, max_size=5).map(";".join),
    mutated(),
    st.text(GARBAGE_CHARACTERS, max_size=60),
    st.integers(250, 3000).map(lambda size: "DV5,0,1;" * (size // 8 + 1)),
)
"""One line of FLEX text, or several where garbage holds an end of line."""

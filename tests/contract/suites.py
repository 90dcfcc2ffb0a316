"""The suites, one a role, by the name that their recordings carry."""

from __future__ import annotations

from collections.abc import Iterator

from tests.contract.decoder import DecoderContract
from tests.contract.pulser import PulserContract
from tests.contract.smu import SmuContract

SUITES = {"smu": SmuContract, "pulser": PulserContract, "decoder": DecoderContract}


def all_tests() -> Iterator[tuple[str, str]]:
    """Suite and test, each of which has one recording."""
    for suite, contract in SUITES.items():
        for name in vars(contract):
            if name.startswith("test_"):
                yield suite, name

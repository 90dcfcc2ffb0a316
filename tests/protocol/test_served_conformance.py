"""All tests of the WGFMU library again, with the library in one place, the instrument in another.

The calls that reach hardware travel through the socket; the tests and what they expect are those
of the library in the same process.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import FakeChip
from tests.protocol import (
    test_sim_wgfmu_examples,
    test_sim_wgfmu_run,
    test_sim_wgfmu_setup,
)
from tests.protocol.served import served
from tests.protocol.wgfmu_client import Client

for _module in (test_sim_wgfmu_setup, test_sim_wgfmu_run, test_sim_wgfmu_examples):
    globals().update(
        {name: item for name, item in vars(_module).items() if name.startswith("test_")}
    )


@pytest.fixture
def client() -> Iterator[Client]:
    """A client of the socket on resistors that do for all of the tests."""
    with served(FakeChip(resistances={"SL": 10e3, "BL": 10e3, "Q": 10e3})) as bench:
        yield bench.library_client()

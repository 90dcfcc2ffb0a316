"""What every decoder does: `instruments.testchip.decoder.Decoder` on whatever answers."""

from __future__ import annotations

import pytest

from tests.contract.rig import Rig


class DecoderContract:
    """Addresses go to the lines and are read back from them."""

    def test_every_line_can_be_set_alone(self, rig: Rig) -> None:
        for bit in range(5):
            for row, column in ((1 << bit, 0), (0, 1 << bit), (31 ^ 1 << bit, 31)):
                rig.decoder.select(row, column)
                assert rig.address() == (row, column)

    def test_the_corners_of_the_array_can_be_selected(self, rig: Rig) -> None:
        for address in ((0, 0), (0, 31), (31, 0), (31, 31)):
            rig.decoder.select(*address)
            assert rig.address() == address

    def test_selecting_again_changes_nothing(self, rig: Rig) -> None:
        rig.decoder.select(21, 10)
        rig.decoder.select(21, 10)
        assert rig.address() == (21, 10)

    def test_an_address_beyond_the_array_is_refused(self, rig: Rig) -> None:
        rig.decoder.select(5, 7)
        for address in ((32, 0), (0, 32), (-1, 0), (0, -1)):
            with pytest.raises((ValueError, IndexError)):
                rig.decoder.select(*address)
        assert rig.address() == (5, 7)

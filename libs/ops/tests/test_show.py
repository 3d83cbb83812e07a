"""What the terminal's tables keep whole."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from merkez_ops import show


@dataclass
class Held:
    """A row as commands print it."""

    node_id: str
    address: str


def test_an_id_is_whole_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    row = Held("telephony-" + 80 * "x", "10.244.123.45:50052")
    show.rows(show.paper(), [row], as_json=False, empty="none")
    assert f"{row.node_id}  {row.address}" in capsys.readouterr().out

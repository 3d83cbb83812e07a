"""What a desk phone names when it transfers a call or asks somebody on a second line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telephony.domain.dialing import NumberInvalid
from telephony.domain.phone_keys import PARK, read_target

ID = "01m8ht69dkg0g0354jkc0tt9vx"


@pytest.mark.parametrize(
    ("dialed", "kind", "value"),
    [
        (f"usr_{ID}", "agent", f"usr_{ID}"),
        (f"que_{ID.upper()}", "queue", f"que_{ID}"),
        (f"flw_{ID}", "flow", f"flw_{ID}"),
        (PARK, "park", ""),
        (" 0212 555 01 00 ", "number", "0212 555 01 00"),
        ("+905321234567", "number", "+905321234567"),
        (f"con_{ID}", "number", f"con_{ID}"),
        ("usr_short", "number", "usr_short"),
    ],
)
def test_a_key_names_an_agent_a_queue_a_flow_the_parking_code_or_a_number(dialed: str, kind: str, value: str) -> None:
    assert read_target(dialed) == (kind, value)


@pytest.mark.parametrize("dialed", ["", "   ", "1" * 41])
def test_nobody_and_more_than_a_number_are_told(dialed: str) -> None:
    with pytest.raises(NumberInvalid):
        read_target(dialed)


@given(st.text())
def test_whatever_is_dialled_is_somebody_or_refused(dialed: str) -> None:
    try:
        kind, value = read_target(dialed)
    except NumberInvalid:
        return
    assert kind in ("agent", "queue", "flow", "number", "park") and len(value) <= 40

"""How long a registrar keeps us, whatever it makes of the way we wrote our Contact."""

from __future__ import annotations

from typing import Any

import pytest
from telephony.sip.messages import Headers, Response
from telephony.sip.registration import Registrant, Registration
from telephony.sip.uris import parse_uri

MINE = "sip:acct@192.0.2.10:5060;transport=tcp"
OTHER = "<sip:acct@198.51.100.9:5060;transport=tcp>;expires=3600"


def granted(*contacts: str, expires: str = "") -> int:
    headers = Headers()
    headers.set("contact", *contacts)
    if expires:
        headers.set("expires", expires)
    stack: Any = None
    wish = Registration("sip:carrier.example", "sip:acct@carrier.example", None, contact=MINE)
    return Registrant(stack, wish, lambda *_: None)._granted(Response(200, "OK", headers))


@pytest.mark.parametrize(
    "written",
    [
        MINE,
        "sip:acct@192.0.2.10:5060;transport=TCP",
        "sip:%61cct@192.0.2.10:5060;transport=tcp;ob",
        "sip:acct@203.0.113.7:40112;transport=tcp",
    ],
    ids=["as it was", "other case", "escaped and marked", "as a router showed it"],
)
def test_a_trunk_registers_anew_before_what_was_granted_is_over_however_its_contact_comes_back(written: str) -> None:
    assert granted(f"<{written}>;expires=60") == 60
    assert granted(f"<{written}>", expires="90") == 90


def test_what_others_of_the_same_account_were_granted_counts_only_where_ours_cannot_be_told() -> None:
    assert granted(OTHER, f"<{MINE}>;expires=60") == 60
    assert granted("<sip:acct@198.51.100.9:5060;transport=tcp>;expires=20", f"<{MINE}>;expires=60") == 60
    assert granted(OTHER, "<sip:acct@203.0.113.7:40112>;expires=60") == 60
    assert granted("<sip:a b>;expires=1", f"<{MINE}>;expires=60") == 60
    assert granted() == granted(f"<{MINE}>") == 600


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", True),
        ("sip:biloxi.com;transport=tcp;method=REGISTER", "sip:biloxi.com;method=REGISTER;transport=tcp", True),
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", False),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", False),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", False),
    ],
)
def test_two_uris_are_one_as_the_rfc_compares_them(one: str, other: str, same: bool) -> None:
    assert parse_uri(one).same_as(parse_uri(other)) is parse_uri(other).same_as(parse_uri(one)) is same

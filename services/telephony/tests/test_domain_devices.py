"""Desk phones sign in by digests alone, and are where they said last (RFC 3261 10.3)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telephony.domain import devices
from telephony.domain.devices import (
    Binding,
    Contact,
    Register,
    RegistrationInvalid,
    RegistrationOutOfOrder,
    RegistrationTooBrief,
    TooManyBindings,
    register,
)

from .trunk_world import NOW

PHONE, SOFT = "sip:x7@192.0.2.7:5060", "sip:x7@192.0.2.8:5062;transport=tcp"


def said(*contacts: Contact | str, call_id: str = "abc", cseq: int = 1, **more) -> Register:
    each = [Contact(one) if isinstance(one, str) else one for one in contacts]
    return Register(call_id, cseq, each, source="192.0.2.7:5060", node_id="node-a", **more)


def places(bindings: tuple[Binding, ...]) -> set[str]:
    return {each.contact for each in bindings}


def test_digests_are_those_of_rfc_7616() -> None:
    sha256, md5 = devices.digests("bob", "zanzibar")
    assert md5 == hashlib.md5(b"bob:merkez:zanzibar").hexdigest()
    assert sha256 == hashlib.sha256(b"bob:merkez:zanzibar").hexdigest()
    assert len({devices.new_secret() for _ in range(50)}) == 50 and len(devices.new_secret()) == 20


def test_a_phone_can_be_reached_where_it_said_until_that_expires() -> None:
    bound = register((), said(PHONE, expires=120), NOW)
    assert places(bound) == {PHONE} and bound[0].expire_time == NOW + timedelta(seconds=120)
    assert devices.living(bound, NOW + timedelta(seconds=120)) == ()


def test_a_contacts_own_time_counts_before_the_requests_and_an_hour_without_either() -> None:
    bound = register((), said(Contact(PHONE, 60), SOFT, expires=300), NOW)
    lengths = {each.contact: (each.expire_time - NOW).total_seconds() for each in bound}
    assert lengths == {PHONE: 60, SOFT: 300}
    assert register((), said(PHONE), NOW)[0].expire_time == NOW + timedelta(hours=1)
    assert register((), said(PHONE, expires=10**9), NOW)[0].expire_time == NOW + timedelta(hours=1)


def test_renewing_changes_one_place_and_leaves_the_others() -> None:
    bound = register((), said(PHONE, SOFT), NOW)
    later = NOW + timedelta(minutes=10)
    renewed = register(bound, said(PHONE, cseq=2), later)
    assert places(renewed) == {PHONE, SOFT}
    assert {each.contact: each.expire_time for each in renewed}[PHONE] == later + timedelta(hours=1)


def test_a_host_in_other_case_is_the_same_place() -> None:
    bound = register((), said("sip:x7@Phone.Example:5060"), NOW)
    assert len(register(bound, said("SIP:x7@phone.example:5060", cseq=2), NOW)) == 1


def test_an_older_request_that_comes_late_changes_nothing() -> None:
    bound = register((), said(PHONE, cseq=5), NOW)
    for cseq in (5, 4):
        with pytest.raises(RegistrationOutOfOrder):
            register(bound, said(SOFT, Contact(PHONE, 0), cseq=cseq), NOW)
    assert places(register(bound, said(Contact(PHONE, 0), cseq=1, call_id="after a reboot"), NOW)) == set()


def test_a_star_takes_all_places_away_but_only_alone_and_with_zero() -> None:
    bound = register((), said(PHONE, SOFT), NOW)
    assert register(bound, said(everything=True, expires=0, cseq=2), NOW) == ()
    for wrong in (said(everything=True, cseq=2), said(PHONE, everything=True, expires=0, cseq=2)):
        with pytest.raises(RegistrationInvalid):
            register(bound, wrong, NOW)
    with pytest.raises(RegistrationOutOfOrder):
        register(bound, said(everything=True, expires=0, cseq=1), NOW)


def test_a_phone_that_would_ask_too_often_is_told_how_long_it_must_be() -> None:
    with pytest.raises(RegistrationTooBrief) as refused:
        register((), said(PHONE, expires=30), NOW)
    assert refused.value.metadata == {"min_expires": "60"}


def test_a_phone_without_contacts_only_asks() -> None:
    bound = register((), said(PHONE), NOW)
    assert register(bound, said(cseq=2), NOW) == bound


def test_nobody_fills_the_table_with_places() -> None:
    six = tuple(f"sip:x7@192.0.2.{n}" for n in range(6))
    with pytest.raises(TooManyBindings):
        register((), said(*six), NOW)
    for wrong in ("", "sip:" + "x" * 500):
        with pytest.raises(RegistrationInvalid):
            register((), said(wrong), NOW)


def test_a_phone_that_comes_from_another_port_each_time_is_never_shut_out_and_its_oldest_places_go() -> None:
    bound: tuple[Binding, ...] = ()
    for minute in range(12):
        now = NOW + timedelta(minutes=minute)
        bound = register(bound, said(f"sip:x7@192.0.2.7:{5000 + minute}", call_id=f"boot {minute}"), now)
    assert [each.contact[-4:] for each in bound] == ["5011", "5010", "5009", "5008", "5007"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([PHONE, SOFT]), st.sampled_from([0, 60, 3600]), st.integers(1, 6), st.sampled_from("ab"),
            st.integers(0, 4000),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_places_are_always_those_of_the_newest_request_of_each_phone(requests) -> None:
    bound: tuple[Binding, ...] = ()
    newest: dict[tuple[str, str], int] = {}
    for contact, expires, cseq, call_id, seconds in requests:
        now = NOW + timedelta(seconds=seconds)
        try:
            bound = register(bound, said(contact, expires=expires, cseq=cseq, call_id=call_id), now)
        except RegistrationOutOfOrder:
            continue
        assert all(each.expire_time > now for each in bound) and len(places(bound)) == len(bound)
        assert (contact in places(bound)) == (expires > 0)
        newest[contact, call_id] = cseq
        assert {each.cseq for each in bound if each.contact == contact} <= {cseq}


def test_a_phone_that_signed_in_last_comes_first_however_long_another_place_has_to_live() -> None:
    old = register((), said(PHONE, expires=3600), NOW)
    both = register(old, said(SOFT, call_id="new", expires=300), NOW + timedelta(minutes=1))
    assert [each.contact for each in devices.living(both, NOW + timedelta(minutes=2))] == [SOFT, PHONE]


def test_a_place_is_rung_once_by_the_contact_that_was_said_last_and_others_beside_it() -> None:
    first = register((), said("sip:x7@10.0.0.7:5060", PHONE), NOW)
    later = register(first, replace(said(SOFT, call_id="new"), source="198.51.100.9:5060"), NOW + timedelta(minutes=1))
    again = register(later, said("sip:x7@192.0.2.7:5999", cseq=2), NOW + timedelta(minutes=2))
    assert [each.contact for each in devices.places(again)] == ["sip:x7@192.0.2.7:5999", SOFT]

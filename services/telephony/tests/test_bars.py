"""Who shows wrong credentials isn't heard for a while, and nobody else for it."""

from __future__ import annotations

from typing import Any

import pytest
from telephony.live.sip.bars import PER_ADDRESS, PER_NAME, SECONDS, Bars
from telephony.sip import Failure, SipDialog
from testkit import eventually

from .conftest import Exchange, an_id
from .desk_phones import PHONES, DeskPhone
from .test_sip_calls import NUMBER

OFFICE, ELSEWHERE, TRUNK = "192.0.2.7", "198.51.100.9", "203.0.113.1"


class World:
    def __init__(self) -> None:
        self.time = 1000.0
        self.bars = Bars(lambda address: address == TRUNK, lambda: self.time)

    def fails(self, name: str, times: int = PER_NAME, address: str = OFFICE) -> None:
        for _ in range(times):
            self.bars.failed(address, "credentials", name)


def test_one_phone_with_a_wrong_secret_leaves_the_phones_beside_it_alone() -> None:
    world = World()
    world.fails("wrong", PER_NAME - 1)
    assert not world.bars.barred_name(OFFICE, "wrong")
    world.fails("wrong", 1)
    assert world.bars.barred_name(OFFICE, "wrong") and not world.bars.barred_name(OFFICE, "right")
    assert not world.bars.barred(OFFICE) and not world.bars.barred_name(ELSEWHERE, "wrong")


def test_an_address_that_tries_name_after_name_is_heard_no_more() -> None:
    world = World()
    for number in range(PER_ADDRESS):
        assert not world.bars.barred(OFFICE)
        world.fails(f"name{number}", 1)
    assert world.bars.barred(OFFICE) and not world.bars.barred(ELSEWHERE)


def test_a_bar_is_over_after_its_time_and_slow_failures_add_up_to_none() -> None:
    world = World()
    world.fails("wrong")
    world.time += SECONDS + 1
    assert not world.bars.barred_name(OFFICE, "wrong")
    world.fails("wrong", PER_NAME - 1)
    assert not world.bars.barred_name(OFFICE, "wrong"), "counted anew"
    for _ in range(5 * PER_NAME):
        world.time += 1.1 * SECONDS / PER_NAME
        world.fails("slow", 1)
    assert not world.bars.barred_name(OFFICE, "slow")


def test_a_trunk_and_who_is_only_hard_to_read_are_never_barred() -> None:
    world = World()
    world.fails("any", PER_ADDRESS, TRUNK)
    for _ in range(PER_ADDRESS):
        world.bars.failed(OFFICE, "malformed")
    assert not world.bars.barred(TRUNK) and not world.bars.barred(OFFICE)


def test_who_tries_secrets_from_an_address_that_somebody_calls_a_trunks_is_barred_as_elsewhere() -> None:
    world = World()
    world.fails("phone", PER_NAME, TRUNK)
    assert world.bars.barred_name(TRUNK, "phone") and not world.bars.barred_name(TRUNK, "another")
    for number in range(PER_ADDRESS - PER_NAME):
        world.fails(f"name{number}", 1, TRUNK)
    assert world.bars.barred_name(TRUNK, "another"), "who tries name after name"
    assert not world.bars.barred(TRUNK), "its calls need no secret, and are heard"


@pytest.mark.media
async def test_in_an_office_with_one_wrong_phone_the_others_sign_in_and_call_and_the_wrong_one_is_let_in_later(
    make_exchange, monkeypatch
) -> None:
    exchange: Exchange = await make_exchange(sip_listen="udp:127.0.0.1:0")
    edge: Any = exchange.edge
    bars: Bars = edge.agent._settings.barred_name.__self__
    wrong = await DeskPhone.signed_in(exchange, an_id("usr"))
    right = wrong._credentials
    monkeypatch.setattr(wrong, "_credentials", type(right)(right.user, "mistyped"))
    for _ in range(PER_NAME):
        assert _status(await wrong.dial(NUMBER)) == 401
    assert bars.barred_name(PHONES, wrong.user)
    monkeypatch.setattr(wrong, "_credentials", right)
    assert _status(await wrong.dial(NUMBER)) == 401, "not looked at for a while"
    beside = await DeskPhone.signed_in(exchange, an_id("usr"))
    assert _status(await beside.dial(NUMBER)) == 503, "it was known: there is only no trunk to call out on"
    bars._names._known.clear()
    assert _status(await wrong.dial(NUMBER)) == 503
    await eventually(lambda: not exchange.switchboard.calls)
    await wrong.close()
    await beside.close()


def _status(outcome: SipDialog | Failure) -> int:
    assert isinstance(outcome, Failure)
    return outcome.status

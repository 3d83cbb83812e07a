"""A desk phone that says nothing any more is nobody's station until it is heard of; a short outage takes none away."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telephony.domain import devices as rules
from telephony.domain.devices import Binding, Patience
from telephony.domain.trunks import Transport
from telephony.ops import devices as device_ops
from telephony.sip import Invitation, Registration
from testkit import eventually

from .conftest import Exchange, an_id
from .desk_phones import DeskPhone
from .test_phone_stations import id_of, station_of, told_last

pytestmark = pytest.mark.media
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def deaf(phone: DeskPhone, is_deaf: bool = True) -> None:
    """It hears nothing, as when its cable is out."""
    phone.agent._settings = dataclasses.replace(phone.agent._settings, barred=lambda _address: is_deaf)


async def ring(exchange: Exchange, agent_id: str, seconds: float = 0.5) -> bool:
    """Ring the agent's phones in vain; whether there were any."""
    assert exchange.edge is not None
    before = await silences(exchange, agent_id)
    leg = await exchange.edge.phones.ring(exchange.tenant_id, agent_id, "", "", seconds)
    if leg is None:
        return False
    await eventually(lambda: leg.over)

    async def noted() -> bool:
        return await silences(exchange, agent_id) != before

    if before is not None and leg.dialog is None:
        await eventually(noted)
    return True


async def silences(exchange: Exchange, agent_id: str) -> tuple[int, bool] | None:
    """How often in a row the agent's phone was silent, and whether it counts as unreachable."""
    house = exchange.house

    async def look(tx: Any) -> Any:
        return await device_ops.list_devices(tx, agent_id, "", 5, house.now())

    found = await house.db.run(exchange.tenant_id, look, read_only=True)
    places = [each for _, bindings in found for each in bindings]
    return (places[0].silent_invites, places[0].unreachable) if places else None


async def a_deaf_phone(exchange: Exchange) -> tuple[DeskPhone, str]:
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id)
    assert await station_of(exchange, agent_id)
    deaf(phone)
    return phone, agent_id


async def test_a_phone_that_says_nothing_several_times_in_a_row_is_no_station_until_it_answers_a_question(
    make_exchange: Any,
) -> None:
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0", phone_silent_invites=2, phone_silent_seconds=0.0)
    phone, agent_id = await a_deaf_phone(exchange)
    assert await ring(exchange, agent_id)
    assert await station_of(exchange, agent_id), "once may be chance"
    assert await ring(exchange, agent_id)
    assert await station_of(exchange, agent_id) == "" and await told_last(exchange) == "StationDetached"
    assert not await ring(exchange, agent_id), "nobody waits for it any more"
    await exchange.edge.silences.ask(exchange.edge.agent)
    assert await station_of(exchange, agent_id) == "", "it doesn't answer"
    deaf(phone, False)
    await exchange.edge.silences.ask(exchange.edge.agent)
    assert await station_of(exchange, agent_id) == await id_of(exchange, phone)
    assert await told_last(exchange) == "StationAttached" and await silences(exchange, agent_id) == (0, False)
    await phone.close()


async def test_a_phone_that_signs_in_again_is_a_station_again(make_exchange: Any) -> None:
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0", phone_silent_invites=1, phone_silent_seconds=0.0)
    phone, agent_id = await a_deaf_phone(exchange)
    await ring(exchange, agent_id)
    assert await station_of(exchange, agent_id) == ""
    await exchange.watch.sweep()
    deaf(phone, False)
    wish = Registration(
        f"sip:127.0.0.1:{phone._port}", f"sip:{phone.user}@127.0.0.1", phone._credentials, hop=phone._hop
    )
    phone.agent.register(wish, lambda *_: None)

    async def back() -> bool:
        return bool(await station_of(exchange, agent_id))

    await eventually(back)
    await phone.close()


async def test_a_short_outage_of_the_network_takes_no_station_away_however_often_it_is_rung_in_it(
    make_exchange: Any,
) -> None:
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0", phone_silent_invites=2)
    assert exchange.house.settings.phone_silent_seconds == 60
    phone, agent_id = await a_deaf_phone(exchange)
    for _ in range(4):
        assert await ring(exchange, agent_id)
    await exchange.watch.sweep()
    assert await station_of(exchange, agent_id) and await silences(exchange, agent_id) == (4, False)
    deaf(phone, False)
    await exchange.edge.phones.ring(exchange.tenant_id, agent_id, "", "", 5.0)

    async def heard_of() -> bool:
        return await silences(exchange, agent_id) == (0, False)

    await eventually(heard_of)
    await phone.close()


async def test_a_phone_that_rings_and_is_not_picked_up_is_no_silent_one(make_exchange: Any) -> None:
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0", phone_silent_invites=1, phone_silent_seconds=0.0)
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id)

    async def rings(invitation: Invitation) -> None:
        await invitation.ring()

    phone.behave = rings
    for _ in range(2):
        leg = await exchange.edge.phones.ring(exchange.tenant_id, agent_id, "", "", 0.8)
        assert leg is not None
        await eventually(lambda leg=leg: leg.over)
    assert await station_of(exchange, agent_id) and await silences(exchange, agent_id) == (0, False)
    await phone.close()


def test_silence_counts_in_a_row_and_over_a_while() -> None:
    place = Binding("sip:p@10.0.0.9", NOW + timedelta(hours=1), "10.0.0.9:5060", Transport.UDP, "n", "c", 1, NOW)
    patience = Patience(3, timedelta(seconds=60))
    for seconds in (0, 20, 40):
        place = rules.silent(place, patience, NOW + timedelta(seconds=seconds))
        assert not place.unreachable, "not for a minute yet"
    gone = rules.silent(place, patience, NOW + timedelta(seconds=60))
    assert gone.unreachable and rules.silent(gone, patience, NOW + timedelta(seconds=90)).unreachable
    back = rules.heard(gone)
    assert (back.silent_invites, back.silent_since, back.unreachable) == (0, None, False)
    twice = rules.silent(rules.silent(back, patience, NOW), patience, NOW + timedelta(hours=1))
    assert not twice.unreachable, "twice isn't three times, however long ago the first was"

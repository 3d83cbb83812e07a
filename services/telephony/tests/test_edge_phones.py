"""Phones behind Kamailio: a second call comes to whichever node its Call-ID says and is taken where the first is; one
that says nothing any more is no station."""

from __future__ import annotations

import dataclasses
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chassis.sealing import Seal
from telephony.domain.devices import Patience
from telephony.live.sip.vouching import PHONE, Vouching
from telephony.sip import Request
from telephony.sip.messages import Headers, Source
from testkit import eventually
from testkit.voice_peers import PeerFailed, VoicePeers

from .conftest import MUSIC_HZ, an_id
from .test_edge import CUSTOMER_HZ, NUMBER, PHONE_HZ, Site, a_carrier, a_site, said
from .test_phone_stations import station_of
from .two_nodes import known_to_each_other

pytestmark = pytest.mark.media


def counted(site: Site) -> list[str]:
    """Users whose calls a node passed on to another one."""
    found: list[str] = []
    for node in site.nodes:
        assert node.edge is not None
        agent = node.edge.agent
        asks = agent._settings.elsewhere

        async def elsewhere(request: Request, user: str, asks: Any = asks) -> Any:
            place = await asks(request, user)
            if place is not None:
                found.append(user)
            return place

        agent._settings = dataclasses.replace(agent._settings, elsewhere=elsewhere)
    return found


async def test_a_phones_second_call_is_taken_by_the_node_of_its_first_whichever_it_comes_to(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path
) -> None:
    site = await a_site(make_exchange, voice_peers, tmp_path, nodes=2)
    await known_to_each_other(*site.nodes)
    passed_on = counted(site)
    carrier = await a_carrier("127.0.0.7")
    await site.trunk(carrier.gateway())
    agent_id = an_id("usr")
    phone, user = await site.phone(agent_id)
    await phone.registered()
    customer = site.node.peer(CUSTOMER_HZ)
    call = await site.node.call(customer)
    await site.node.accept(call.call_id, agent_id)
    await phone.rings()
    await phone.answer()
    await customer.hears(PHONE_HZ)
    for number in range(12):
        await phone.hold()
        await customer.hears(MUSIC_HZ)
        await phone.dial(f"sip:{NUMBER}@{site.edge.address}")
        await carrier.peer.hears(PHONE_HZ)
        live = site.node.switchboard.find(call.call_id)
        assert live is not None and any(leg.consulted for leg in live.legs if leg.live)
        assert not site.nodes[1].switchboard.calls
        await carrier.dialogs[-1].bye()
        await phone.sees("CALL_CLOSED")
        await phone.resume()
        customer.forget()
        await customer.hears(PHONE_HZ)
        carrier.peer.forget()
        if passed_on and number:
            break
    assert set(passed_on) == {user}
    await phone.hang_up()
    await eventually(lambda: not site.node.switchboard.calls)
    await carrier.close()


async def test_a_phone_that_is_in_no_call_dials_from_whichever_node_it_comes_to(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path
) -> None:
    site = await a_site(make_exchange, voice_peers, tmp_path, nodes=2)
    await known_to_each_other(*site.nodes)
    passed_on = counted(site)
    phone, _ = await site.phone(an_id("usr"))
    await phone.registered()
    for node in site.nodes:
        node.tenancy.caller_numbers.brand_id = ""
    for number in range(3):
        with pytest.raises(PeerFailed, match="403"):
            await phone.dial(f"sip:+90532123456{number}@{site.edge.address}")
    assert passed_on == []


async def test_nobody_outside_vouches_for_a_phone(make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path) -> None:
    site = await a_site(make_exchange, voice_peers, tmp_path)
    answer = await said("INVITE", "100", (site.edge.host, site.edge.port), more=f"{PHONE}: anything\r\n")
    assert answer.startswith("SIP/2.0 401")


def test_a_word_for_a_phone_is_good_for_its_one_request_from_its_place_through_an_edge_and_for_seconds() -> None:
    clock = [datetime(2026, 3, 2, 9, 0, tzinfo=UTC)]

    async def nowhere(_user: str) -> str:
        return ""

    def vouching(purpose: str = "phones") -> Vouching:
        return Vouching(Seal(b"k" * 32, purpose), lambda: clock[0], nowhere)

    def request(call_id: str = "c1", host: str = "203.0.113.5", by_edge: bool = True, word: str = "") -> Request:
        fields = [("from", "<sip:p@x>;tag=1"), ("to", "<sip:1@x>"), ("call-id", call_id), ("cseq", "2 INVITE")]
        made = Request("INVITE", "sip:1@x", Headers(fields + ([(PHONE, word)] if word else [])))
        made.began_at(Source("UDP", host, 5060, by_edge=by_edge))
        return made

    word = vouching().word(request(), "phone7")
    assert vouching().taken(request(word=word)) == "phone7"
    assert vouching().taken(request(call_id="c2", word=word)) == ""
    assert vouching().taken(request(host="203.0.113.6", word=word)) == ""
    assert vouching().taken(request(by_edge=False, word=word)) == ""
    assert vouching("other").taken(request(word=word)) == ""
    for nonsense in ("", "ü", "AAAA", word[:-8], "A" + word):
        assert vouching().taken(request(word=nonsense)) == ""
    clock[0] += timedelta(seconds=11)
    assert vouching().taken(request(word=word)) == ""


async def test_a_phone_behind_the_edge_that_says_nothing_any_more_is_no_station_until_it_answers_there(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path
) -> None:
    site, agent_id = await a_site(make_exchange, voice_peers, tmp_path), an_id("usr")
    phone, _ = await site.phone(agent_id)
    await phone.registered()
    node, edge = site.node, site.node.edge
    assert edge is not None
    edge.silences._patience = Patience(2, timedelta(0))

    async def is_station() -> bool:
        return bool(await station_of(node, agent_id))

    async def gone() -> bool:
        return not await is_station()

    async def back() -> bool:
        await edge.silences.ask(edge.agent)
        return await is_station()

    assert await is_station()
    os.kill(phone.pid, signal.SIGSTOP)
    for _ in range(2):
        leg = await edge.phones.ring(node.tenant_id, agent_id, "", "", 10.0)
        assert leg is not None
        await eventually(lambda leg=leg: leg.over)
    await eventually(gone)
    assert not await back(), "what the edge says for it is no sign of life"
    os.kill(phone.pid, signal.SIGCONT)
    await eventually(back)

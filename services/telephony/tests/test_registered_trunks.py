"""Calls in over a trunk that registers: its carrier calls what was registered, and says beside it which number is
meant."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from telephony.domain.devices import Binding
from telephony.domain.trunks import Gateway, Transport, Trunk, check_trunk
from telephony.live.sip.edges import Edges
from telephony.live.sip.gateways import address_of
from telephony.live.sip.phones import PhoneLeg
from telephony.live.sip.reach import Reach
from telephony.live.sip.roster import Roster
from telephony.live.sip.silences import Silences
from telephony.sip import InviteWish, RegisterWish, Registration, SipParseError, parse_address, parse_uri
from testkit import eventually

from .carriers import Carrier
from .conftest import Exchange
from .sip.peers import a_stranger
from .test_sip_calls import OURS, carrier, port, trunk

__all__ = ["carrier"]
pytestmark = pytest.mark.media
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0", fresh=True)


async def contact_at(carrier: Carrier, exchange: Exchange, user_name: str) -> str:
    """A trunk registers at the carrier: the URI it is called by there from now on."""
    heard: list[RegisterWish] = []

    async def registered(wish: RegisterWish) -> list[Any]:
        heard.append(wish)
        return list(wish.bindings)

    async def whoever(_: Any) -> str:
        return user_name

    carrier.agent.on_register = registered
    carrier.agent._gate.identify = whoever  # type: ignore[union-attr, method-assign, assignment]
    await trunk(exchange, carrier, registers=True, user_name=user_name)
    assert exchange.edge is not None
    await exchange.edge.roster.register(exchange.edge.agent)
    await eventually(lambda: heard)
    return heard[0].bindings[0].uri


@pytest.mark.parametrize(
    ("to", "more"),
    [
        (OURS, []),
        (OURS.removeprefix("+"), []),
        ("merkez", [f"P-Called-Party-ID: <sip:{OURS}@carrier.example>"]),
    ],
)
async def test_a_call_to_what_was_registered_is_for_the_number_its_carrier_names(exchange, carrier, to, more) -> None:
    contact = await contact_at(carrier, exchange, "merkez")
    async with a_stranger() as caller:
        caller.to = port(exchange)
        said = caller.message("INVITE", "z9hG4bKone", *more, uri=contact, body=carrier.peer.describe())
        caller.say(said.replace("To: <sip:100@", f"To: <sip:{to}@"))
        await caller.response(180)
        await caller.response(200)
    (live,) = exchange.switchboard.calls
    assert live.call.dialed_number == OURS


async def test_only_who_is_called_by_what_it_registered_is_asked_for_another_number(exchange, carrier) -> None:
    await contact_at(carrier, exchange, "merkez")
    async with a_stranger() as caller:
        caller.to = port(exchange)
        other = f"sip:+902125550199@127.0.0.1:{caller.to}"
        said = caller.message("INVITE", "z9hG4bKone", uri=other, body=carrier.peer.describe())
        caller.say(said.replace("To: <sip:100@", f"To: <sip:{OURS}@"))
        await caller.response(404)


def a_registering(number: int, host: str) -> Trunk:
    gateway = Gateway(f"gwy_{number}", host)
    return check_trunk(
        Trunk(f"trk_{number}", f"ten_{number}", "x", (gateway,), NOW, NOW, registers=True, user_name="u")
    )


class Registrations:
    """An agent that registers nothing, and won't hear of some registrars."""

    def __init__(self, refused: str = "") -> None:
        self.begun: list[Registration] = []
        self._refused = refused

    def register(self, wish: Registration, _: Any) -> Any:
        if self._refused and self._refused in wish.registrar:
            raise SipParseError("malformed URI")
        for uri in (wish.registrar, wish.address, *filter(None, [wish.contact])):
            parse_uri(uri)
        self.begun.append(wish)
        return None


@pytest.mark.parametrize("edges", ["", "127.0.0.1:5060=203.0.113.9:5060"])
async def test_a_trunk_registers_at_a_carrier_whose_address_is_of_ip_version_6(edges: str) -> None:
    roster = a_roster(edges, a_registering(1, "2600:1f18::5"), a_registering(2, "[2600:1f18::6]"))
    agent = Registrations()
    await roster.register(agent)  # type: ignore[arg-type]
    assert [each.address for each in agent.begun] == ["sip:u@[2600:1f18::5]", "sip:u@[2600:1f18::6]"]
    assert parse_uri(agent.begun[0].registrar).host == "2600:1f18::5"


async def test_a_trunk_that_cant_be_registered_keeps_no_other_from_it() -> None:
    roster, agent = a_roster("", a_registering(1, "8.8.4.4"), a_registering(2, "8.8.8.8")), Registrations("8.8.4.4")
    await roster.register(agent)  # type: ignore[arg-type]
    assert [each.address for each in agent.begun] == ["sip:u@8.8.8.8"]


def a_roster(edges: str, *trunks: Trunk) -> Roster:
    house: Any = SimpleNamespace(settings=SimpleNamespace(node_id="one"))
    ways = Edges(edges)
    roster = Roster(house, None, lambda: ["one"], ways, Reach(ways, (), {4, 6}))  # type: ignore[arg-type]
    roster._trunks = {each.trunk_id: each for each in trunks}
    return roster


def test_a_caller_is_named_at_a_gateway_whose_address_is_of_ip_version_6() -> None:
    gateway = Gateway("gwy_1", "2600:1f18::5")
    assert parse_address(f"<{address_of('+49301000', gateway)}>").sip.host == "2600:1f18::5"


async def test_a_phone_that_signed_in_by_ip_version_6_is_rung(exchange: Exchange) -> None:
    made: list[InviteWish] = []

    class Agent:
        async def invite(self, wish: InviteWish) -> Any:
            parse_address(str(wish.caller))
            made.append(wish)
            return SimpleNamespace()

    binding = Binding(
        "sip:u@[2001:db8::7]:5060", NOW, "2001:db8::7:5060", Transport.UDP, "one", "c", 1, NOW
    )  # fmt: skip
    silences, agent = Silences(exchange.house, Edges(""), lambda: ()), cast("Any", Agent())
    leg = PhoneLeg(exchange.house, agent, Edges(""), silences, exchange.tenant_id, 1, 1.0)
    device: Any = SimpleNamespace(device_id="dev_1", user_name="u")
    await leg.try_at(device, binding, "+49301000", "Ann")
    assert [str(each.caller) for each in made] == ['"Ann" <sip:+49301000@[2001:db8::7]>']

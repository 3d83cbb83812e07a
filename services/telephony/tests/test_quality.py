"""How a conversation sounds while it lasts, and that silence of ours is never taken for a dead line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from kernel.clock import SystemClock
from kernel.ids import new_id
from telephony.convert import quality_message
from telephony.domain.quality import LegQuality, Warned
from telephony.live.quality import QualityWatch, measured
from telephony.live.watch import LOOK_SECONDS
from telephony.media.media_leg import LegStatistics
from telephony.settings import TelephonySettings
from testkit import eventually
from testkit.webrtc import Peer

pytestmark = pytest.mark.media
COUNTED = LegStatistics(
    packets_received=1000, packets_lost=10, jitter_seconds=0.002, packets_sent=1000, remote_fraction_lost=0.0,
    round_trip_seconds=0.05, strangers=0, forged=0, silent_seconds=0.0,
)  # fmt: skip


class Told:
    """What was told, newest last."""

    def __init__(self, exchange: Any) -> None:
        self.all: list[tuple[str, dict[str, LegQuality]]] = []
        self.watch = QualityWatch(exchange.switchboard, self._tell, stall_seconds=0.4)

    def _tell(self, tenant_id: str, call_id: str, legs: Sequence[LegQuality]) -> None:
        self.all.append((call_id, {leg.party: leg for leg in legs}))

    @property
    def legs(self) -> dict[str, LegQuality]:
        return self.all[-1][1] if self.all else {}

    async def sees(self, party: str, stalled: bool) -> None:
        """Waits for the watch to tell so."""

        async def told() -> bool:
            await self.watch.look()
            return party in self.legs and self.legs[party].stalled is stalled

        await eventually(told)


async def conversation(exchange: Any) -> tuple[Peer, Peer, Any, str]:
    """A customer and an agent who hear each other."""
    agent_id = new_id("usr", SystemClock().now())
    customer, agent = exchange.peer(440.0), exchange.peer(880.0)
    await exchange.attach(agent, agent_id)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)
    await asyncio.gather(customer.hears(880.0), agent.hears(440.0))
    return customer, agent, call, agent_id


@pytest.mark.parametrize(
    ("now", "warnings"),
    [
        ({}, ()),
        ({"round_trip_seconds": 0.41}, (Warned.ROUND_TRIP,)),
        ({"jitter_seconds": 0.031}, (Warned.JITTER,)),
        ({"packets_lost": 60}, (Warned.LOSS,)),
        ({"remote_fraction_lost": 0.31}, (Warned.LOSS, Warned.MOS)),
    ],
)
def test_figures_beyond_the_thresholds_are_warned_of(now: dict[str, Any], warnings: tuple[Warned, ...]) -> None:
    after = replace(COUNTED, packets_received=2000, **now)
    assert measured(COUNTED, after).warnings == warnings


def test_loss_is_of_the_last_seconds_and_not_of_the_whole_call() -> None:
    bad = replace(COUNTED, packets_lost=400)
    assert measured(COUNTED, replace(bad, packets_received=1250)).loss > 0.5
    assert measured(bad, replace(bad, packets_received=1250)).loss == 0.0


async def test_a_conversation_is_measured_for_both_sides(exchange: Any) -> None:
    _, _, call, agent_id = await conversation(exchange)
    told = Told(exchange)

    async def sounds() -> bool:
        await told.watch.measure()
        return all(told.legs[party].mos > 4.0 for party in ("customer", "agent"))

    await eventually(sounds, every=0.1)
    message = quality_message(told.all[-1][0], list(told.legs.values()))
    assert (message.call_id, list(message.agent_ids)) == (call.call_id, [agent_id])
    assert {leg.party for leg in message.legs} == {"customer", "agent"} and not message.legs[0].warnings


async def test_media_that_stalls_is_told_of_at_once_and_again_when_it_is_back(exchange: Any) -> None:
    customer, agent, _, agent_id = await conversation(exchange)
    told = Told(exchange)

    customer.microphone = False
    heard = agent.packets_heard

    async def looked_on() -> bool:
        await told.watch.look()
        return agent.packets_heard >= heard + 40

    await eventually(looked_on)
    assert not told.all, "a muted microphone is no stall"

    agent.vanish()
    await told.sees("agent", True)
    assert not told.legs["customer"].stalled
    back = exchange.peer(880.0)
    await exchange.attach(back, agent_id)

    await told.sees("agent", False)
    await customer.hears(880.0)


def test_a_stall_is_seen_within_a_second_whenever_it_begins() -> None:
    assert TelephonySettings().media_stall_seconds + LOOK_SECONDS <= 1.0


async def test_a_browser_without_a_microphone_has_stalled_though_its_connection_lives(exchange: Any) -> None:
    _, agent, _, _ = await conversation(exchange)
    told = Told(exchange)
    (live,) = exchange.switchboard.calls
    media = next(live.room.member(leg.leg_id).leg for leg in live.live_legs("agent"))

    async def no_rtp(*_: object) -> None:
        return None

    agent._send = no_rtp  # type: ignore[method-assign] - RTCP and checks of the connection go on
    await told.sees("agent", True)
    seen = media.last_heard
    await eventually(lambda: media.last_heard > seen)
    await told.watch.look()
    assert told.legs["agent"].stalled and len(told.all) == 1


async def test_who_waits_for_the_other_side_still_gets_packets(exchange: Any) -> None:
    customer, agent, _, _ = await conversation(exchange)
    customer.vanish()
    await agent.hears_nothing()
    last = agent.packets_heard

    await eventually(lambda: agent.packets_heard >= last + 12)

    assert agent.sequence_gaps == 0


async def test_an_idle_station_is_sent_nothing(exchange: Any) -> None:
    agent = exchange.peer(880.0)
    agent_id = new_id("usr", SystemClock().now())
    await exchange.attach(agent, agent_id)
    station = exchange.switchboard.stations.find(exchange.tenant_id, agent_id)
    await eventually(lambda: station.leg is not None)
    for _ in range(5):
        station.leg.fill(frozenset())
    assert station.leg.outbound.packets == 0

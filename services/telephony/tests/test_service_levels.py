"""What became of calls is counted: whose set-up failed for a reason of ours, and conversations that were not heard."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from kernel.errors import Unavailable
from telephony.domain.calls import EndParty
from telephony.live import outcomes
from telephony.live.quality import QualityWatch
from testkit.measured import Measured
from testkit.rtp_peer import RtpPeer
from testkit.waiting import eventually

from .carriers import Carrier
from .conftest import Exchange
from .test_quality import conversation
from .test_sip_calls import CALLER_HZ, OURS, an_agent, dial, port, trunk
from .test_sip_outages import FarDatabase

pytestmark = pytest.mark.media


@pytest_asyncio.fixture
async def carrier() -> AsyncIterator[Carrier]:
    made = Carrier(await RtpPeer.start(CALLER_HZ))
    await made.start()
    yield made
    await made.close()


def _set_up(measured: Measured, way: str) -> dict[str, float]:
    found = {
        each: measured.grown("merkez.call.setups", way=way, outcome=each) for each in ("done", "failed", "refused")
    }
    return {outcome: count for outcome, count in found.items() if count}


def _told(capfd: pytest.CaptureFixture[str], event: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, capfd.readouterr().err.splitlines()) if line["event"] == event]


async def test_a_trunks_call_is_done_refused_or_failed(make_exchange: Any, carrier: Carrier) -> None:
    exchange: Exchange = await make_exchange(sip_listen="udp:127.0.0.1:0", fresh=True)
    await trunk(exchange, carrier)
    measured = Measured()
    await carrier.call(port(exchange), OURS)
    assert _set_up(measured, "trunk") == {"done": 1}
    await carrier.call(port(exchange), "+902125550199")  # a number nobody has
    assert _set_up(measured, "trunk") == {"done": 1, "refused": 1}
    real = exchange.house.db
    exchange.house.db = away = FarDatabase(real)  # type: ignore[assignment]
    away.away = True
    await carrier.call(port(exchange), OURS)
    exchange.house.db = real
    assert _set_up(measured, "trunk") == {"done": 1, "refused": 1, "failed": 1}
    exchange.switchboard.draining = True  # its carrier goes on to the next node, where it is counted
    await carrier.call(port(exchange), OURS)
    exchange.switchboard.draining = False
    assert _set_up(measured, "trunk") == {"done": 1, "refused": 1, "failed": 1}


async def test_a_pages_call_is_failed_when_a_neighbour_is_away(exchange: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Measured()
    call = await exchange.call(exchange.peer(440.0))
    assert _set_up(measured, "web") == {"done": 1}
    await exchange.switchboard.end(exchange.switchboard.find(call.call_id), EndParty.CUSTOMER, "NORMAL")
    assert measured.grown("merkez.call.endings", outcome="fine") == 1

    async def away(*_: object) -> object:
        raise Unavailable("tenancy is away")

    monkeypatch.setattr(exchange.house.tenancy, "widget_route", away)
    with pytest.raises(Unavailable):
        await exchange.call(exchange.peer(440.0))
    found = _set_up(measured, "web")
    assert found.keys() == {"done", "failed"} and found["done"] == 1, "each try is counted"


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "heard"), (486, "heard"), (404, "heard"), (503, "away"), (408, "away")]
)
def test_a_gateway_that_says_nothing_or_can_not_is_away_and_a_busy_number_is_not(status: int, outcome: str) -> None:
    measured = Measured()
    outcomes.rung(status)
    assert measured.grown("merkez.trunk.attempts", outcome=outcome) == 1


async def test_every_gateway_that_is_tried_is_counted_and_the_log_says_whose_it_is(
    make_exchange: Any, carrier: Carrier, capfd: pytest.CaptureFixture[str]
) -> None:
    exchange: Exchange = await make_exchange(sip_listen="udp:127.0.0.1:0", fresh=True)
    trunk_id = await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    measured = Measured()
    carrier.behave = lambda invitation: invitation.refuse(503)
    await dial(exchange, agent_id)
    await eventually(lambda: measured.grown("merkez.trunk.attempts", outcome="away") == 1)
    [told] = _told(capfd, "number not reached")
    assert (told["trunk_id"], told["status"]) == (trunk_id, 503)


@pytest.mark.parametrize("cause", sorted(outcomes.OURS))
async def test_an_end_for_a_reason_of_ours_is_a_failure_and_the_log_says_which(
    exchange: Any, cause: str, capfd: pytest.CaptureFixture[str]
) -> None:
    measured = Measured()
    call = await exchange.call(exchange.peer(440.0))
    await exchange.switchboard.end(exchange.switchboard.find(call.call_id), EndParty.SYSTEM, cause)
    assert measured.grown("merkez.call.endings", outcome="failed") == 1
    [told] = _told(capfd, "a call ended for a reason of ours")
    assert (told["call_id"], told["cause"]) == (call.call_id, str(cause))


async def test_five_seconds_in_which_a_party_stood_still_count_as_stalled_though_it_is_heard_again(
    exchange: Any,
) -> None:
    _, agent, _, _ = await conversation(exchange)
    watch = QualityWatch(exchange.switchboard, lambda *_: None, stall_seconds=0.4)
    await watch.look()
    await watch.measure()
    measured = Measured()
    await watch.look()
    await watch.measure()
    assert measured.grown("merkez.media.intervals", outcome="fine") == 2
    send = agent._send

    async def no_rtp(*_: object) -> None:
        return None

    agent._send = no_rtp  # type: ignore[method-assign]

    async def stands(wanted: bool) -> bool:
        await watch.look()
        return any(seen.stalled for seen in watch._seen.values()) is wanted

    await eventually(lambda: stands(True))
    agent._send = send  # type: ignore[method-assign]
    await eventually(lambda: stands(False))
    await watch.measure()
    assert measured.grown("merkez.media.intervals", outcome="stalled") == 1
    await watch.look()
    await watch.measure()
    assert measured.grown("merkez.media.intervals", outcome="stalled") == 1, "it was heard all the time since"


def test_packets_that_no_ear_can_do_without_count_as_lossy() -> None:
    measured = Measured()
    for loss in (0.0, 0.05, 0.06, 0.5):
        outcomes.sounded(stalled=False, loss=loss)
    assert measured.grown("merkez.media.intervals", outcome="lossy") == 2
    assert measured.grown("merkez.media.intervals", outcome="fine") == 2

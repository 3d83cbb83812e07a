"""Relays for browsers that can't reach us: who gets credentials, how long they are good, and a call that needs them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCIceServer
from chassis import watched
from chassis.auth import acting_as, acting_for
from kernel.clock import SystemClock
from kernel.errors import Forbidden
from merkez.telephony.v1 import media_service_pb2, media_service_pb2_grpc
from telephony.domain.relays import CREDENTIALS_LAST, servers_for, urls_of
from telephony.settings import TelephonySettings
from testkit.rpc import someone
from testkit.voice_peers import Turnserver, VoicePeers

SECRET = "only coturn and telephony know"
CONFIG = Path(__file__).resolve().parents[3] / "infra" / "coturn" / "turnserver.conf"
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
MakeExchange = Callable[..., Awaitable[Any]]


def media(exchange: Any) -> Any:
    return exchange.rpc.stub(media_service_pb2_grpc.MediaServiceStub, "telephony")


async def asked(exchange: Any) -> media_service_pb2.GetIceServersResponse:
    return await media(exchange).GetIceServers(media_service_pb2.GetIceServersRequest())


def test_credentials_are_what_coturn_works_out_by_itself() -> None:
    urls = urls_of(" stun:turn.example.com , turn:turn.example.com:3478?transport=udp,turns:turn.example.com ")
    plain, relay = servers_for(urls, SECRET, "ten_1/usr_1", NOW)
    assert (plain.urls, plain.username) == (("stun:turn.example.com",), "")
    assert relay.urls == ("turn:turn.example.com:3478?transport=udp", "turns:turn.example.com")
    assert relay.username == "1769851800:ten_1/usr_1"
    expected = hmac.new(SECRET.encode(), relay.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(relay.credential) == expected


def test_without_a_secret_nobody_is_sent_to_a_relay() -> None:
    assert servers_for(("turn:turn.example.com",), "", "ten_1/usr_1", NOW) == ()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"turn_urls": "http://turn.example.com", "turn_secret": SECRET}, "TURN URLs"),
        ({"turn_urls": "turn:user@turn.example.com", "turn_secret": SECRET}, "TURN URLs"),
        ({"turn_urls": "turn:turn.example.com"}, "need each other"),
        ({"turn_secret": SECRET}, "need each other"),
        ({"turn_urls": "turn:turn.example.com", "turn_secret": "short"}, "16 characters"),
    ],
)
def test_relays_that_could_not_work_are_refused_before_the_start(settings: dict[str, str], word: str) -> None:
    (problem,) = TelephonySettings(**settings).wrong()  # type: ignore[arg-type]
    assert "MERKEZ_TURN_" in problem and word in problem


def test_the_secret_shows_in_no_log() -> None:
    assert SECRET not in repr(TelephonySettings(turn_urls="turn:turn.example.com", turn_secret=SECRET))
    assert not list(TelephonySettings(turn_urls="turn:turn.example.com", turn_secret=SECRET).wrong())


async def test_an_agent_gets_credentials_of_their_own_for_an_hour(make_exchange: MakeExchange) -> None:
    exchange = await make_exchange(turn_urls="turn:turn.example.com", turn_secret=SECRET)
    with exchange.as_agent("usr_1"):
        answer = await asked(exchange)
    (server,) = answer.ice_servers
    expires, _, who = server.username.partition(":")
    assert who == f"{exchange.tenant_id}/usr_1"
    assert int(expires) == answer.expire_time.seconds and not answer.expire_time.nanos
    left = answer.expire_time.ToDatetime(UTC) - SystemClock().now()
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


async def test_credentials_are_made_with_the_secret_that_the_file_holds_now(
    make_exchange: MakeExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "LOOK_SECONDS", 0.0)
    file, following = tmp_path / "turn-secret", "what coturn knows from now on"
    file.write_text(SECRET)
    exchange = await make_exchange(
        turn_urls="turn:turn.example.com", turn_secret=SECRET, secret_files={"turn_secret": str(file)}
    )
    # What is too short isn't taken up.
    for text, secret in ((SECRET, SECRET), ("short", SECRET), (following, following)):
        file.write_text(text)
        with exchange.as_agent("usr_1"):
            (server,) = (await asked(exchange)).ice_servers
        made = hmac.new(secret.encode(), server.username.encode(), hashlib.sha1).digest()
        assert server.credential == base64.b64encode(made).decode()


async def test_a_customer_gets_them_by_their_gateway_and_an_operator_gets_none(make_exchange: MakeExchange) -> None:
    exchange = await make_exchange(turn_urls="turn:turn.example.com", turn_secret=SECRET)
    with acting_for(exchange.tenant_id):
        (server,) = (await asked(exchange)).ice_servers
    assert server.username.endswith(f":{exchange.tenant_id}/guest")
    with acting_as(someone("operator", exchange.tenant_id)), pytest.raises(Forbidden):
        await asked(exchange)


async def test_where_no_relay_is_set_up_the_list_is_empty(exchange: Any) -> None:
    with exchange.as_agent("usr_1"):
        assert not (await asked(exchange)).ice_servers


async def relayed(exchange: Any) -> list[RTCIceServer]:
    """What the agent's browser makes of the answer."""
    with exchange.as_agent("usr_1"):
        found = (await asked(exchange)).ice_servers
    return [RTCIceServer(list(each.urls), each.username, each.credential) for each in found]


@pytest.mark.media
async def test_a_customer_behind_a_strict_firewall_talks_over_the_relay(
    voice_peers: VoicePeers, make_exchange: MakeExchange
) -> None:
    relay = await voice_peers.start(Turnserver, "relay", secret=SECRET, config=CONFIG)
    exchange = await make_exchange(turn_urls=relay.url, turn_secret=SECRET)
    agent_id = "usr_01jd3v9k8r5x7m2p4q6s8t0w1y"
    customer, agent = exchange.peer(440.0, relays=await relayed(exchange)), exchange.peer(880.0)

    await exchange.attach(agent, agent_id)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)

    await customer.hears(880.0)
    await agent.hears(440.0)
    assert "CHANNEL_BIND processed, success" in relay.tail()


@pytest.mark.media
async def test_the_relay_takes_our_credentials_until_they_run_out(
    voice_peers: VoicePeers, make_exchange: MakeExchange
) -> None:
    relay = await voice_peers.start(Turnserver, "relay", secret=SECRET, config=CONFIG)
    exchange = await make_exchange(turn_urls=relay.url, turn_secret=SECRET)
    (good,) = await relayed(exchange)
    assert await relay.allocates(good.username or "", good.credential or "")

    now = SystemClock().now()
    (late,) = servers_for((relay.url,), SECRET, "ten_1/usr_1", now - timedelta(seconds=5))
    (foreign,) = servers_for((relay.url,), "another secret altogether", "ten_1/usr_1", now + CREDENTIALS_LAST)
    assert not await relay.allocates(late.username, late.credential)
    assert not await relay.allocates(foreign.username, foreign.credential)


@pytest.mark.media
async def test_the_relay_leads_to_our_media_and_nowhere_else(voice_peers: VoicePeers) -> None:
    relay = await voice_peers.start(Turnserver, "relay", secret=SECRET, config=CONFIG)
    (good,) = servers_for((relay.url,), SECRET, "ten_1/usr_1", SystemClock().now() + CREDENTIALS_LAST)
    assert await relay.reaches(good.username, good.credential, "127.0.0.1")
    for elsewhere in ("10.0.0.1", "192.168.1.1", "169.254.169.254", "8.8.8.8", "127.0.0.2"):
        assert not await relay.reaches(good.username, good.credential, elsewhere), elsewhere

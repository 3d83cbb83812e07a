"""Testing a trunk: what its owner is told of carriers that answer, refuse, are silent or aren't there."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from kernel.errors import Forbidden, InvalidInput, NotFound
from merkez.telephony.v1 import trunk_pb2, trunk_service_pb2
from merkez.telephony.v1.trunk_service_pb2_grpc import TrunkServiceStub, add_TrunkServiceServicer_to_server
from telephony.domain import trunk_tests as rules
from telephony.domain.trunk_tests import Kind, Reply, Result, SipSwitchedOff, Step, TooManyTests
from telephony.domain.trunks import Gateway, Limits, Transport, Trunk
from telephony.handlers import TrunkHandlers
from telephony.live.sip.trial import Pace, Trial
from telephony.ops import trunks as trunk_ops
from telephony.sip import Invitation, SipRefused
from testkit import eventually, someone
from testkit.certificates import self_signed
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier, a_trunk
from .conftest import Exchange, an_id

pytestmark = pytest.mark.media

NUMBER, OURS = "+905321234567", "+902125550100"


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0,tcp:127.0.0.1:0")


@pytest_asyncio.fixture
async def carrier() -> AsyncIterator[Carrier]:
    made = Carrier(await RtpPeer.start(440.0))
    await made.start()
    yield made
    await made.close()


async def a_kept_trunk(exchange: Exchange, *gateways: Gateway, **fields: Any) -> Trunk:
    house, draft = exchange.house, a_trunk(*gateways, **fields)
    exchange.tenancy.caller_numbers.numbers[:] = [OURS]
    return await house.db.run(exchange.tenant_id, lambda tx: trunk_ops.create_trunk(tx, draft, house.now()))


async def tried(exchange: Exchange, trunk: Trunk, number: str = "", shown: str = OURS) -> Sequence[Step]:
    assert exchange.edge is not None
    return await exchange.edge.trial.test(trunk, number, shown)


def findings(steps: Sequence[Step]) -> dict[Kind, tuple[Result, str]]:
    return {step.kind: (step.result, step.finding) for step in steps}


async def test_a_carrier_that_is_well_passes_every_step_and_its_number_rings_and_is_let_go(
    exchange: Exchange, carrier: Carrier
) -> None:
    cancelled: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def ring(invitation: Invitation) -> None:
        invitation.on_cancelled = cancelled.set_result
        await invitation.ring()

    carrier.behave = ring
    trunk = await a_kept_trunk(exchange, carrier.gateway())

    steps = await tried(exchange, trunk, NUMBER)

    assert findings(steps) == {
        Kind.NAME: (Result.PASSED, "ADDRESS_GIVEN"),
        Kind.OPTIONS: (Result.PASSED, "ANSWERED"),
        Kind.CODECS: (Result.SKIPPED, "CODECS_NOT_TOLD"),
        Kind.CALL: (Result.PASSED, "CALL_RINGS"),
    }
    options = next(step for step in steps if step.kind is Kind.OPTIONS)
    assert options.status == 200 and options.round_trip is not None and options.round_trip > timedelta(0)
    await asyncio.wait_for(cancelled, 30)
    (invitation,) = carrier.invitations
    assert invitation.called == NUMBER and invitation.asserted[0].sip.number == OURS
    await eventually(lambda: _lines(exchange, trunk, 0))
    assert not exchange.switchboard.calls and not exchange.house.plane.legs


async def _lines(exchange: Exchange, trunk: Trunk, count: int) -> bool:
    house = exchange.house
    _, health = await house.db.run(
        exchange.tenant_id, lambda tx: trunk_ops.health_of(tx, trunk.trunk_id, house.now()), read_only=True
    )
    return health.concurrent_calls == count


async def test_a_number_that_answers_at_once_tells_the_codec_and_is_hung_up(
    exchange: Exchange, carrier: Carrier
) -> None:
    async def answer(invitation: Invitation) -> None:
        carrier._keep(await invitation.answer(carrier._described(invitation)))

    carrier.behave = answer
    trunk = await a_kept_trunk(exchange, carrier.gateway())
    call = (await tried(exchange, trunk, NUMBER))[-1]
    assert (call.finding, call.details) == ("CALL_ANSWERED", ("PCMA",))
    await eventually(lambda: carrier.ended)


@pytest.mark.parametrize(
    ("status", "result", "finding"),
    [
        (486, Result.PASSED, "CALL_BUSY"),
        (403, Result.FAILED, "CALL_FORBIDDEN"),
        (404, Result.FAILED, "CALL_NUMBER_UNKNOWN"),
        (488, Result.FAILED, "CALL_CODECS_REFUSED"),
        (503, Result.FAILED, "OVERLOADED"),
        (603, Result.FAILED, "CALL_REFUSED"),
    ],
)
async def test_a_call_the_carrier_refuses_is_told_with_its_status(
    exchange: Exchange, carrier: Carrier, status: int, result: Result, finding: str
) -> None:
    carrier.behave = lambda invitation: invitation.refuse(status)
    trunk = await a_kept_trunk(exchange, carrier.gateway())
    call = (await tried(exchange, trunk, NUMBER))[-1]
    assert (call.result, call.finding, call.status) == (result, finding, status)


@pytest.mark.parametrize(
    ("number", "shown", "fields", "finding"),
    [
        ("112", OURS, {}, "EMERGENCY_NUMBER"),
        ("+5355512345", OURS, {}, "NUMBER_BLOCKED"),
        (NUMBER, "+902125550199", {}, "CALLER_NUMBER_NOT_OWNED"),
        (NUMBER, OURS, {"limits": Limits(spend=Decimal(0))}, "SPEND_LIMIT_REACHED"),
        (NUMBER, OURS, {"enabled": False}, "NO_TRUNK"),
    ],
)
async def test_a_test_call_passes_the_rules_of_every_call_and_rings_nobody_beyond_them(
    exchange: Exchange, carrier: Carrier, number: str, shown: str, fields: dict[str, Any], finding: str
) -> None:
    trunk = await a_kept_trunk(exchange, carrier.gateway(), **fields)
    call = (await tried(exchange, trunk, number, shown))[-1]
    assert (call.kind, call.result, call.finding) == (Kind.CALL, Result.FAILED, finding)
    assert carrier.invitations == []


async def test_a_gateway_nobody_knows_a_silent_one_and_a_closed_port_are_told_apart(exchange: Exchange) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf, socket.socket() as closed:
        deaf.bind(("127.0.0.1", 0))
        closed.bind(("127.0.0.1", 0))
        trunk = await a_kept_trunk(
            exchange, Gateway("", "sip.carrier.invalid"), Gateway("", "127.0.0.1", deaf.getsockname()[1]),
            Gateway("", "127.0.0.1", closed.getsockname()[1], Transport.TCP),
        )  # fmt: skip
        steps = await tried(exchange, trunk)
    told = {
        gateway.host + gateway.transport.value: findings([step for step in steps if step.gateway == gateway])
        for gateway in trunk.gateways
    }
    assert told["sip.carrier.invalidUDP"] == {Kind.NAME: (Result.FAILED, "NAME_UNKNOWN")}
    assert told["127.0.0.1UDP"][Kind.OPTIONS] == (Result.FAILED, "SILENT")
    assert told["127.0.0.1TCP"][Kind.OPTIONS] == (Result.FAILED, "UNREACHABLE")


async def test_a_registrar_is_asked_by_the_trunks_credentials_and_keeps_what_it_has(
    exchange: Exchange, carrier: Carrier
) -> None:
    asked: list[Any] = []

    async def registered(wish: Any) -> list[Any]:
        asked.append(wish)
        if len(asked) > 1:
            raise SipRefused(403, "Forbidden")
        return []

    carrier.agent.on_register = registered
    carrier.agent._gate.identify = lambda transaction: _user("merkez")  # type: ignore[union-attr, method-assign]
    trunk = await a_kept_trunk(exchange, carrier.gateway(), registers=True, user_name="merkez")

    assert findings(await tried(exchange, trunk))[Kind.REGISTRATION] == (Result.PASSED, "REGISTERED")
    assert asked[0].bindings == () and not asked[0].remove_all, "nothing was bound or taken away"
    assert findings(await tried(exchange, trunk))[Kind.REGISTRATION] == (Result.FAILED, "CREDENTIALS_REFUSED")


async def _user(name: str) -> str:
    return name


async def test_a_certificate_nobody_signed_a_wrong_name_and_a_good_one_are_told_apart(
    exchange: Exchange, tmp_path: Path
) -> None:
    assert exchange.edge is not None
    certificate, key = self_signed(tmp_path, "127.0.0.1")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=theirs)
    plain = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port, deaf = server.sockets[0].getsockname()[1], plain.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context(cafile=str(certificate))
    roster, lines = exchange.edge.roster, exchange.edge._lines
    trial = Trial(exchange.house, exchange.edge.agent, roster, lines, trusting)

    async def seen(with_trial: Trial, host: str, at: int) -> Step:
        trunk = await a_kept_trunk(exchange, Gateway("", host, at, Transport.TLS))
        return next(step for step in await with_trial.test(trunk, "", "") if step.kind is Kind.CERTIFICATE)

    good = await seen(trial, "127.0.0.1", port)
    assert (good.finding, good.details) == ("CERTIFICATE_GOOD", ("127.0.0.1",)) and good.expire_time is not None
    assert (await seen(trial, "localhost", port)).finding == "CERTIFICATE_NAME_WRONG"
    assert (await seen(exchange.edge.trial, "127.0.0.1", port)).finding == "CERTIFICATE_UNTRUSTED"
    assert (await seen(trial, "127.0.0.1", deaf)).finding in {"TLS_FAILED", "UNREACHABLE"}
    server.close()
    plain.close()


async def test_one_test_runs_at_a_time_and_a_few_in_a_minute_for_each_company() -> None:
    clock = [0.0]
    pace = Pace(lambda: clock[0])
    async with pace.take("ten_a"):
        with pytest.raises(TooManyTests):
            async with pace.take("ten_a"):
                pass
        async with pace.take("ten_b"):
            pass
    for _ in range(rules.TESTS_A_MINUTE - 1):
        async with pace.take("ten_a"):
            pass
    with pytest.raises(TooManyTests) as refused:
        async with pace.take("ten_a"):
            pass
    assert refused.value.retry_after == timedelta(seconds=60)
    clock[0] = 61.0
    async with pace.take("ten_a"):
        pass


@pytest.mark.parametrize(
    ("reply", "credentials", "finding"),
    [
        (Reply(404), False, (Result.PASSED, "ANSWERED")),
        (Reply(403), False, (Result.WARNING, "NOT_RECOGNISED")),
        (Reply(401), True, (Result.WARNING, "CREDENTIALS_REFUSED")),
        (Reply(407), False, (Result.WARNING, "CREDENTIALS_WANTED")),
        (Reply(477), False, (Result.FAILED, "UNREACHABLE")),
        (Reply(503), False, (Result.FAILED, "OVERLOADED")),
        (Reply(503, local=True), False, (Result.FAILED, "UNREACHABLE")),
        (Reply(408, local=True), False, (Result.FAILED, "SILENT")),
    ],
)
def test_an_answer_to_options_means_a_carrier_whatever_it_says(
    reply: Reply, credentials: bool, finding: tuple[Result, str]
) -> None:
    step = rules.of_options(reply, credentials=credentials)
    assert (step.result, step.finding) == finding


def test_codecs_are_read_of_a_description_and_compared_with_the_trunks() -> None:
    described = "v=0\r\nm=audio 0 RTP/AVP 0 18 96\r\na=rtpmap:18 G729/8000\r\na=rtpmap:96 opus/48000/2\r\n"
    theirs = rules.codecs_in(described.replace("\r", ""))
    assert theirs == ("PCMU", "G729", "OPUS")
    assert rules.of_codecs(a_trunk(), theirs).details == ("PCMU",)
    assert rules.of_codecs(a_trunk(), ("G729",)).finding == "NO_CODEC_SHARED"


async def test_who_may_test_and_what_is_refused(exchange: Exchange, carrier: Carrier) -> None:
    house, assured = exchange.house, exchange.edge
    assert assured is not None
    trunk = await a_kept_trunk(exchange, carrier.gateway())
    handlers = TrunkHandlers(house.db, assured.roster._seal, house.tenancy, assured.trial)
    await exchange.rpc.serve("trunks", [(add_TrunkServiceServicer_to_server, handlers)])
    stub: Any = exchange.rpc.stub(TrunkServiceStub, "trunks")
    request = trunk_service_pb2.TestTrunkRequest(trunk_id=trunk.trunk_id)

    with acting_as(someone("admin", exchange.tenant_id)):
        answer = await stub.TestTrunk(request)
        assert [each.finding for each in answer.steps] == ["ADDRESS_GIVEN", "ANSWERED", "CODECS_NOT_TOLD"]
        assert answer.steps[1].result == trunk_pb2.TRUNK_TEST_RESULT_PASSED and answer.HasField("test_time")
        assert answer.steps[1].gateway == f"127.0.0.1:{carrier.port}"
        with pytest.raises(InvalidInput):
            await stub.TestTrunk(trunk_service_pb2.TestTrunkRequest(trunk_id=trunk.trunk_id, number=NUMBER))
    with acting_as(someone("admin", an_id("ten"))), pytest.raises(NotFound):
        await stub.TestTrunk(request)
    with acting_as(someone("supervisor", exchange.tenant_id)), pytest.raises(Forbidden):
        await stub.TestTrunk(request)


async def test_an_installation_without_sip_says_so(exchange: Exchange, carrier: Carrier) -> None:
    trunk = await a_kept_trunk(exchange, carrier.gateway())
    assert exchange.edge is not None
    await exchange.rpc.serve(
        "trunks",
        [
            (
                add_TrunkServiceServicer_to_server,
                TrunkHandlers(exchange.house.db, exchange.edge.roster._seal, exchange.house.tenancy),
            )
        ],
    )
    stub: Any = exchange.rpc.stub(TrunkServiceStub, "trunks")
    with acting_as(someone("admin", exchange.tenant_id)), pytest.raises(SipSwitchedOff.__mro__[1]) as refused:
        await stub.TestTrunk(trunk_service_pb2.TestTrunkRequest(trunk_id=trunk.trunk_id))
    assert refused.value.reason == "SIP_SWITCHED_OFF"

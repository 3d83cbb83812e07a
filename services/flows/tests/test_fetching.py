"""HTTP steps: what a tenant's system is asked, over a real socket, and what becomes of the call whatever it answers."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from flows.domain.effects import Fetch
from flows.fetching import Fetcher
from kernel.errors import Unavailable
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_test_service_pb2, simulation_pb2
from testkit import eventually

from .conftest import flow_of, say

PATIENT = timedelta(seconds=10)
"""For a system that answers: on a machine that has much to do, too."""


class Crm:
    """A tenant's system: a small HTTP server that answers as told."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answers: list[tuple[int, str, bytes]] = []
        self.delay = 0.0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.requests.append(head + await reader.readexactly(length))
        await asyncio.sleep(self.delay)
        status, extra, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body)
        writer.close()


@pytest_asyncio.fixture
async def crm() -> AsyncIterator[Crm]:
    system = Crm()
    server = await asyncio.start_server(system.serve, "127.0.0.1", 0)
    system.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield system
    server.close()


@pytest.fixture
def dip(house: Any, crm: Crm) -> Callable[..., Any]:
    """Publishes a flow that asks the tenant's system and says the tier."""

    async def publish(**more: Any) -> pb.Flow:
        timeout_ms = more.pop("timeout_ms", 1000)
        given: dict[str, Any] = {"retries": 1, "url": f"{crm.url}/customers/{{caller_number}}?x=1", "method": "GET"}
        request = pb.HttpRequest(
            **(given | more), headers={"X-Key": "k"}, extract={"tier": "/items/0/tier", "vip": "/vip", "no": "/no"},
            next="tier", failed="failed", filler="music",
        )  # fmt: skip
        request.timeout.FromMilliseconds(timeout_ms)
        return await house.publish(
            flow_of(
                pb.Step(step_id="ask", http_request=request),
                say("tier", "{tier} {vip} {no}."),
                say("failed", "Failed."),
            )
        )

    return publish


async def test_data_is_fetched_while_the_caller_hears_music(house: Any, crm: Crm, dip: Any) -> None:
    crm.answers = [(503, "", b""), (200, "", json.dumps({"items": [{"tier": "gold"}], "vip": True}).encode())]
    flow = await dip(method="POST", body='{"n": "{caller_number}"}')
    wait = await house.start(flow.flow_id, caller_number="+15550100")
    assert wait.wait.filler == "music" and not crm.requests
    heard = await house.advance(wait, "PROCEED")
    assert heard.play.audio[0].text == "gold true ."
    first, second = crm.requests
    assert first.startswith(b"POST /customers/%2B15550100?x=1 HTTP/1.1\r\n") and first.endswith(b'{"n": "+15550100"}')
    assert b"x-key: k" in first.lower()
    key = [line for line in first.lower().split(b"\r\n") if line.startswith(b"idempotency-key")]
    assert key and key[0] in second.lower()


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        ((404, "", b"{}"), 1),
        ((500, "", b"{}"), 2),
        ((302, "Location: http://127.0.0.1:1/\r\n", b""), 1),
        ((200, "", b"<html>"), 1),
        ((200, "", b'"' + b"x" * 300_000 + b'"'), 1),
    ],
    ids=["missing", "broken", "redirect", "not json", "too big"],
)
async def test_failed_request_takes_the_other_way(
    house: Any, crm: Crm, dip: Any, answer: tuple[int, str, bytes], requests: int
) -> None:
    crm.answers = [answer]
    wait = await house.start((await dip()).flow_id)
    assert (await house.advance(wait, "PROCEED")).play.audio[0].text == "Failed."
    assert len(crm.requests) == requests


async def test_system_that_is_down_or_a_name_that_leads_inside_takes_the_other_way(house: Any, dip: Any) -> None:
    for url in ("http://127.0.0.1:1/", "http://10.0.0.1.nip.invalid/"):
        wait = await house.start((await dip(url=url)).flow_id)
        assert (await house.advance(wait, "PROCEED")).play.audio[0].text == "Failed."


async def test_name_of_a_machine_inside_is_found_out_when_it_is_looked_up(crm: Crm) -> None:
    port = crm.url.rsplit(":", 1)[1]
    effect = Fetch("run_1:a:1", "GET", f"http://{socket.gethostname()}:{port}/", {}, "", {}, PATIENT, 0)
    fetcher = Fetcher(allow_loopback=False)
    fetched = await fetcher.fetch(effect, "ten_1")
    await fetcher.close()
    assert fetched.values is None and fetched.outcome in ("forbidden address", "name not found")
    assert not crm.requests


@pytest.mark.parametrize(
    "more",
    [
        {"url": "http://xn--ls8h=/"}, {"headers": {"X": "\ud800"}}, {"body": "\ud800", "method": "POST"},
        {"headers": {"X": "Leyla "}}, {"headers": {"": "a"}},
    ],
    ids=["host", "header", "body", "blank", "nameless"],
)  # fmt: skip
async def test_what_can_not_be_sent_fails_the_step_and_is_never_held_against_the_system(
    crm: Crm, more: dict[str, Any]
) -> None:
    crm.answers = [(200, "", b"{}")]
    effect = Fetch("run_1:a:1", "GET", f"{crm.url}/", {}, "", {}, PATIENT, 1)
    fetcher = Fetcher(allow_loopback=True)
    for _ in range(7):
        fetched = await fetcher.fetch(replace(effect, **more), "ten_1")
        assert fetched.values is None and "circuit" not in fetched.outcome
    assert not crm.requests
    assert (await fetcher.fetch(effect, "ten_1")).outcome == "ok"
    await fetcher.close()


async def test_a_blank_around_what_a_caller_said_is_not_sent_and_switches_no_system_off(house: Any, crm: Crm) -> None:
    crm.answers = [(200, "", b'{"tier": "gold"}')]
    request = pb.HttpRequest(
        url=crm.url, method="GET", headers={"X-Caller": "{order}"}, extract={"tier": "/tier"}, next="tier", failed="no"
    )
    request.timeout.FromTimedelta(PATIENT)
    flow = await house.publish(
        flow_of(pb.Step(step_id="ask", http_request=request), say("tier", "{tier}"), say("no", "No."))
    )
    for name in (" Leyla ",) * 5 + ("\u00a0Leyla", "Leyla"):
        wait = await house.start(flow.flow_id, attributes={"order": name})
        assert (await house.advance(wait, "PROCEED")).play.audio[0].text == "gold"
    assert len(crm.requests) == 7 and all(b"x-caller: leyla\r\n" in each.lower() for each in crm.requests)


async def test_what_was_never_sent_says_nothing_of_a_system_that_is_left_alone(crm: Crm) -> None:
    now = [100.0]
    fetcher = Fetcher(allow_loopback=True, monotonic=lambda: now[0])
    effect = Fetch("run_1:a:1", "GET", crm.url, {}, "", {}, PATIENT, 0)
    crm.answers = [(503, "", b"")]
    for _ in range(5):
        await fetcher.fetch(effect, "ten_1")
    now[0] += 31
    assert "not to be sent" in (await fetcher.fetch(replace(effect, headers={"X": "a "}), "ten_1")).outcome
    assert (await fetcher.fetch(effect, "ten_1")).outcome == "503, circuit opened", "one request tries, as before"
    await fetcher.close()


async def test_answer_is_read_as_text_that_others_can_take(crm: Crm) -> None:
    crm.answers = [(200, "", b'{"name": "a\\ud800b", "list": [1]}')]
    extract = {"name": "/name", "far": "/list/" + "9" * 5000, "odd": "/list/00"}
    effect = Fetch("run_1:a:1", "GET", f"{crm.url}/", {}, "", extract, PATIENT, 0)
    fetcher = Fetcher(allow_loopback=True)
    assert (await fetcher.fetch(effect, "ten_1")).values == {"name": "a?b", "far": "", "odd": ""}
    await fetcher.close()


@pytest.mark.parametrize(
    ("body", "heard"),
    [
        (b'{"tier": "a\\u0000b"}', "a?b"),
        (b'{"tier": {"x\\udfff": ["\\ud800"]}}', '{"x?":["?"]}'),
        (b'{"tier": ["\\u0000"]}', '["\\u0000"]'),
        (b'{"tier": "fine", "other": NaN}', "Failed."),
        (b'{"tier": -Infinity}', "Failed."),
        (b'{"tier": 1e999}', "Failed."),
        (b'{"tier": ' + b"9" * 5000 + b"}", "Failed."),
        (b'{"tier": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "Failed."),
    ],
    ids=["nul", "half characters within", "nul within", "nan", "infinity", "beyond", "digits", "depth"],
)
async def test_whatever_a_system_answers_is_kept_or_refused_once_and_a_trial_says_the_same(
    house: Any, crm: Crm, body: bytes, heard: str
) -> None:
    crm.answers = [(200, "", body)]
    request = pb.HttpRequest(
        url=crm.url, method="POST", extract={"tier": "/tier"}, retries=2, next="tier", failed="failed"
    )
    request.timeout.FromTimedelta(PATIENT)
    asking = pb.Step(step_id="ask", http_request=request)
    flow = await house.publish(flow_of(asking, say("tier", "{tier}"), say("failed", "Failed.")))
    wait = await house.start(flow.flow_id)
    assert (await house.advance(wait, "PROCEED")).play.audio[0].text == heard
    assert len(crm.requests) == 1, "what a POST did isn't done again"
    if len(body) < 10_000:
        given = [simulation_pb2.SimulationInput(http_answer=body.decode())]
        with house.as_admin():
            tried = await house.tests.SimulateFlow(
                flow_test_service_pb2.SimulateFlowRequest(flow_id=flow.flow_id, inputs=given)
            )
        assert [each.text for visit in tried.visits for each in visit.heard] == [heard]


async def test_nothing_of_one_request_is_left_for_the_next(crm: Crm) -> None:
    crm.answers = [(200, "Set-Cookie: session=of-the-first-tenant; Path=/\r\nConnection: keep-alive\r\n", b"{}")]
    fetcher = Fetcher(allow_loopback=True)
    for number in range(2):
        effect = Fetch(f"run_{number}:a:1", "GET", f"{crm.url}/", {}, "", {}, PATIENT, 0)
        assert (await fetcher.fetch(effect, "ten_1")).outcome == "ok"
    await fetcher.close()
    assert len(crm.requests) == 2 and not any(b"cookie" in each.lower() for each in crm.requests)


async def test_slow_system_outlives_the_deadline_of_the_report_and_is_asked_once(
    house: Any, crm: Crm, dip: Any
) -> None:
    crm.answers, crm.delay = [(200, "", b'{"items": [{"tier": "gold"}]}')], 0.8
    wait = await house.start((await dip(timeout_ms=5000)).flow_id)
    with pytest.raises(Unavailable) as working:
        await house.advance(wait, "PROCEED", timeout=0.5)
    assert working.value.reason == "RUN_STILL_WORKING" and working.value.retry_after

    async def answered() -> Any:
        try:
            return await house.advance(wait, "PROCEED", timeout=0.5)
        except Unavailable:
            return None

    heard = await eventually(answered)
    assert heard.play.audio[0].text == "gold  ." and len(crm.requests) == 1


async def test_a_system_that_fails_again_and_again_is_left_alone_and_tried_once_after_a_while(crm: Crm) -> None:
    now = [100.0]
    fetcher = Fetcher(allow_loopback=True, monotonic=lambda: now[0])
    effect = Fetch("run_1:a:1", "GET", crm.url, {}, "", {}, PATIENT, 0)
    crm.answers = [(503, "", b"")]
    outcomes = [(await fetcher.fetch(effect, "ten_1")).outcome for _ in range(6)]
    assert outcomes[3:] == ["503", "503, circuit opened", "not asked: circuit open for 30 s"] and len(crm.requests) == 5
    assert (await fetcher.fetch(effect, "ten_2")).outcome == "503", "another tenant's calls are not its business"
    now[0] += 31
    crm.answers = [(503, "", b"")]
    assert (await fetcher.fetch(effect, "ten_1")).outcome == "503, circuit opened"
    assert (await fetcher.fetch(effect, "ten_1")).outcome == "not asked: circuit open for 30 s"
    now[0] += 31
    crm.answers = [(200, "", b"{}")]
    assert [(await fetcher.fetch(effect, "ten_1")).outcome for _ in range(3)] == ["ok"] * 3
    await fetcher.close()


async def test_only_one_request_tries_a_system_that_was_left_alone(crm: Crm) -> None:
    now = [100.0]
    fetcher = Fetcher(allow_loopback=True, monotonic=lambda: now[0])
    effect = Fetch("run_1:a:1", "GET", crm.url, {}, "", {}, PATIENT, 0)
    crm.answers = [(500, "", b"")]
    for _ in range(5):
        await fetcher.fetch(effect, "ten_1")
    now[0] += 31
    crm.answers, crm.delay = [(200, "", b"{}")], 0.2
    both = await asyncio.gather(*(fetcher.fetch(effect, "ten_1") for _ in range(2)))
    assert sorted(each.outcome for each in both) == ["not asked: circuit open for 1 s", "ok"]
    await fetcher.close()


async def test_a_system_that_answers_something_useless_is_not_left_alone(crm: Crm) -> None:
    fetcher = Fetcher(allow_loopback=True)
    effect = Fetch("run_1:a:1", "GET", crm.url, {}, "", {"a": "/a"}, PATIENT, 0)
    for answer in ((404, "", b""), (200, "", b"no json"), (429, "", b"")):
        crm.answers = [answer]
        for _ in range(7):
            assert "circuit" not in (await fetcher.fetch(effect, "ten_1")).outcome
    await fetcher.close()

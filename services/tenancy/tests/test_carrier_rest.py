"""The carrier that speaks REST, against a carrier's server of our own on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import pytest_asyncio
from tenancy.carriers.port import CarrierAway, CarrierRefused, File, OutRequest, Submission
from tenancy.carriers.rest import RestCarrier
from tenancy.domain.emergency import CivicAddress
from tenancy.domain.port_orders import Details, PortNumber

ADDRESS = CivicAddress("Acme", "1 High Street", "", "London", "", "EC1A 1AA", "GB")
SUBMISSION = Submission(
    "prt_1-voice-1", "VOICE", ("+442079460101",), Details("Old Telecom", "AC-778", "Olga", ADDRESS, "4711"),
    date(2026, 3, 12), (File("BILL", "bill.pdf", "application/pdf", b"%PDF-1"),),
)  # fmt: skip


class Server:
    """A carrier's HTTP server: answers what the test lays down, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *rest = head.decode().split("\r\n")
                headers = {
                    name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest if each)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                verb, path, _ = line.split(" ")
                self.asked.append((verb, path, headers, json.loads(body) if body else None))
                if self.silent:
                    continue
                status, said = self.answers.pop(0)
                content = said if isinstance(said, bytes) else json.dumps(said).encode()
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v2"  # type: ignore[attr-defined]
    yield made
    listening.close()


@pytest_asyncio.fixture
async def carrier(server: Any) -> AsyncIterator[RestCarrier]:
    made = RestCarrier(server.url, lambda: "s3cret", timeout=0.5)
    yield made
    await made.close()


async def test_order_goes_off_with_its_papers_its_token_and_the_key_of_its_submission(
    server: Server, carrier: RestCarrier
) -> None:
    server.answers = [(201, {"id": "po-9"})]
    assert await carrier.submit(SUBMISSION) == "po-9"
    [(verb, path, headers, body)] = server.asked
    assert (verb, path) == ("POST", "/v2/port-orders")
    assert headers["authorization"] == "Bearer s3cret" and headers["idempotency-key"] == SUBMISSION.key
    assert (body["channel"], body["phone_numbers"], body["requested_date"]) == (
        "voice", ["+442079460101"], "2026-03-12",
    )  # fmt: skip
    assert base64.b64decode(body["documents"][0]["content"]) == b"%PDF-1" and body["pin"] == "4711"


async def test_portability_is_said_of_each_number_in_order(server: Server, carrier: RestCarrier) -> None:
    results = [
        {"phone_number": "+442", "portability": "none", "detail": "no carrier ports it"},
        {"phone_number": "+441", "portability": "voice-only", "losing_carrier": "Old"},
    ]
    server.answers = [(200, {"results": results})]
    assert await carrier.check_portability(["+441", "+442"]) == [
        PortNumber("+441", "VOICE_ONLY", "", "Old"), PortNumber("+442", "NONE", "no carrier ports it", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "state", "exception"),
    [
        ({"status": "pending"}, "SUBMITTED", ""),
        ({"status": "foc-confirmed", "foc_at": "2026-03-12T10:00:00Z"}, "ACCEPTED", ""),
        ({"status": "exception", "exception_code": "pin-wrong"}, "REFUSED", "PIN_WRONG"),
        ({"status": "exception", "exception_code": "moon-phase"}, "REFUSED", "OTHER"),
        ({"status": "ported", "ported_at": "2026-03-12T10:00:00+00:00"}, "ACTIVATED", ""),
        ({"status": "cancelled"}, "CANCELLED", ""),
    ],
)
async def test_standing_of_an_order_is_read(
    server: Server, carrier: RestCarrier, said: Any, state: str, exception: str
) -> None:
    server.answers = [(200, said)]
    standing = await carrier.status("po/9")
    assert (standing.state, standing.exception) == (state, exception)
    assert server.asked[0][1] == "/v2/port-orders/po%2F9"
    if "foc_at" in said:
        assert standing.foc_time == datetime(2026, 3, 12, 10, tzinfo=UTC)


Ask = Callable[[RestCarrier], Any]


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}),
        (503, b"oops"),
        (429, {}),
        (401, {}),
        (403, {}),
        (302, {}),
        (200, b"no json"),
        (200, {"id": 7}),
        (200, []),
    ],
    ids=str,
)
async def test_carrier_that_cannot_answer_properly_is_away(server: Server, carrier: RestCarrier, answer: Any) -> None:
    server.answers = [answer]
    with pytest.raises(CarrierAway):
        await carrier.submit(SUBMISSION)


@pytest.mark.parametrize("said", [{"status": "dreaming"}, {"status": "ported", "ported_at": "yesterday"}])
async def test_standing_that_cannot_be_read_is_asked_for_again(server: Server, carrier: RestCarrier, said: Any) -> None:
    server.answers = [(200, said)]
    with pytest.raises(CarrierAway):
        await carrier.status("po-9")


async def test_carrier_that_says_nothing_is_away_after_its_time(server: Server, carrier: RestCarrier) -> None:
    server.silent = True
    async with asyncio.timeout(5):
        with pytest.raises(CarrierAway):
            await carrier.status("po-9")


async def test_carrier_nobody_listens_at_is_away() -> None:
    nowhere = RestCarrier("http://127.0.0.1:1", lambda: "s3cret", timeout=0.5)
    with pytest.raises(CarrierAway):
        await nowhere.cancel("po-9")
    await nowhere.close()


async def test_what_the_carrier_refuses_for_good_carries_its_reason(server: Server, carrier: RestCarrier) -> None:
    server.answers = [(422, {"code": "account-number-wrong", "detail": "no such account"}), (409, b"")]
    with pytest.raises(CarrierRefused) as refused:
        await carrier.submit(SUBMISSION)
    assert (refused.value.reason, refused.value.note) == ("ACCOUNT_NUMBER_WRONG", "no such account")
    with pytest.raises(CarrierRefused) as refused:
        await carrier.cancel("po-9")
    assert refused.value.reason == "OTHER" and server.asked[1][2]["idempotency-key"] == "cancel-po-9"


async def test_addresses_are_judged_and_port_outs_heard_and_answered(server: Server, carrier: RestCarrier) -> None:
    request = {"id": "out-1", "status": "requested", "phone_numbers": ["+441"], "gaining_carrier": "New"}
    server.answers = [
        (200, {"valid": True}), (200, {"valid": False, "detail": "no such street"}),
        (200, {"results": [request, {"id": 3}, {"id": "x", "status": "?"}]}), (200, b""),
    ]  # fmt: skip
    assert await carrier.judge_address(ADDRESS) == ""
    assert await carrier.judge_address(ADDRESS) == "no such street"
    assert await carrier.out_requests() == [OutRequest("out-1", ("+441",), "New", "REQUESTED", None)]
    await carrier.answer_out("out-1", False, "no")
    assert server.asked[3][1:][0] == "/v2/port-out-requests/out-1/answer"
    assert server.asked[3][3] == {"agreed": False, "reason": "no"}

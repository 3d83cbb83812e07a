"""Who has no call with us and proved nothing: answered, and forgotten. What they send costs no more than its size."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from telephony.sip import Credentials, GateKeys
from telephony.sip.bodies import digit_of
from telephony.sip.connections import Limits
from telephony.sip.digest import DigestClient, ha1
from telephony.sip.errors import SipParseError
from telephony.sip.messages import Headers, Request, Response
from telephony.sip.parsing import parse
from testkit.waiting import eventually

from .peers import HandTimers, Line, a_line, a_stranger, wire


@pytest.mark.parametrize(
    ("method", "more", "to_tag", "status"),
    [
        ("INVITE", (), "no-such-tag", 481),
        ("BYE", (), "no-such-tag", 481),
        ("INVITE", ("Require: moonshine",), "", 420),
        ("INVITE", ("Require: outbound",), "", 420),
        ("OPTIONS", ("Require: path",), "", 420),
        ("REGISTER", ("Require: path, outbound",), "", 420),
        ("REGISTER", ("Require: path",), "", 405),
        ("OPTIONS", (), "", 200),
        ("CANCEL", (), "", 481),
        ("PUBLISH", (), "", 501),
        ("MESSAGE", (), "", 501),
    ],
)
async def test_who_has_no_call_with_us_is_answered_once_and_nothing_is_kept(method, more, to_tag, status) -> None:
    timers = HandTimers()
    async with a_line(timers, trusted=lambda _: False) as bob, a_stranger(bob) as stranger:
        stranger.say(stranger.message(method, "z9hG4bKone", *more, to_tag=to_tag))
        await stranger.response(status)
        assert bob.agent.load == 0 and timers.waiting == 0, "a flood of these would keep calls out"
        timers.pass_now(64)
        stranger.say(stranger.message("OPTIONS", "z9hG4bKtwo"))
        await stranger.response(200)  # and no repetition before it, in whosever name it was asked


async def test_who_floods_us_with_calls_keeps_out_no_trunk_and_no_phone_elsewhere(alice: Line) -> None:
    keys, timers = GateKeys("r", b"s" * 32, _nobody, time.time), HandTimers()
    async with a_line(
        timers, trusted=lambda source: source.port == alice.port(), keys=keys, limits=Limits(invitations_per_second=50)
    ) as guarded, a_stranger(guarded) as stranger:  # fmt: skip
        stranger.say(stranger.invite("z9hG4bKfirst"))
        challenge, digest = await stranger.response(401), DigestClient(Credentials("nobody", "guess"))
        assert digest.challenged(challenge, set())
        for number in range(60):
            again = parse(wire(stranger.invite(f"z9hG4bK{number}", call=f"flood-{number}")))
            assert isinstance(again, Request)
            digest.sign(again)
            stranger.say(again.encode())
        await eventually(lambda: len(stranger.heard) == 61)
        told = [each.status for each in stranger.heard if isinstance(each, Response)]
        assert sorted(told) == [401] * 13 + [503] * 48
        for number in range(25):
            await alice.call(guarded)
            assert await guarded.invitation(number), "all that one trunk may have at once"


@pytest.mark.parametrize("addresses", [1, 5])
async def test_a_trunk_that_floods_us_costs_no_other_trunk_a_call(alice: Line, addresses: int) -> None:
    timers = HandTimers()
    async with a_line(
        timers, trusted=lambda _: True, limits=Limits(invitations_per_second=40),
        share=lambda source: "quiet" if source.port == alice.port() else "loud",
    ) as guarded, AsyncExitStack() as stack:  # fmt: skip
        loud = [await stack.enter_async_context(a_stranger(guarded, f"127.0.9.{1 + n}")) for n in range(addresses)]
        for second in range(4):
            for call in range(100):
                name = f"{second}.{call}"
                loud[call % addresses].say(loud[0].invite(f"z9hG4bK{name}", call=f"flood-{name}"))
            before = len(guarded.invitations)
            await eventually(lambda said=100 * (1 + second): sum(len(each.heard) for each in loud) >= said)
            assert len(guarded.invitations) - before <= 40
            for quiet in range(10):
                attempt = await alice.call(guarded)
                so_far = 10 * second + quiet + 1
                await eventually(
                    lambda so_far=so_far, attempt=attempt: _calls_of(guarded, alice) == so_far or attempt.failed.done()
                )
                assert _calls_of(guarded, alice) == so_far
            timers.pass_now(1)


def _calls_of(guarded: Line, line: Line) -> int:
    return sum(each.source[1] == line.port() for each in guarded.invitations)


async def test_who_floods_us_from_many_addresses_keeps_out_no_phone_that_knows_its_secret(alice: Line) -> None:
    async def one(user: str, realm: str, algorithm: str) -> str:
        return ha1(user, realm, "right", algorithm)

    keys = GateKeys("r", b"s" * 32, one, time.time)
    async with a_line(
        HandTimers(), trusted=lambda _: False, keys=keys, limits=Limits(invitations_per_second=50)
    ) as guarded, AsyncExitStack() as stack:  # fmt: skip
        for number in range(6):  # addresses of UDP cost a forger nothing
            stranger = await stack.enter_async_context(a_stranger(guarded, f"127.0.8.{1 + number}"))
            for call in range(20):
                stranger.say(stranger.invite(f"z9hG4bK{number}.{call}", call=f"flood-{number}-{call}"))
            await eventually(lambda stranger=stranger: len(stranger.heard) == 20)
        for number in range(6):
            await alice.call(guarded, credentials=Credentials("phone", "right"))
            assert await guarded.invitation(number)


async def test_a_trunks_call_that_may_be_a_phones_is_to_come_again_when_that_cant_be_looked_up() -> None:
    async def unavailable() -> bool:
        raise OSError("the database is away")

    async with a_line(phone=lambda *_: unavailable()) as line, a_stranger(line) as caller:
        caller.say(caller.invite())
        assert (await caller.response(503)).headers.get("retry-after") == "2"
        assert line.invitations == []


async def _nobody(_user: str, _realm: str, _algorithm: str) -> str | None:
    return None


async def test_a_name_that_is_barred_at_an_address_is_answered_like_any_other_and_its_secret_not_looked_at(
    alice: Line,
) -> None:
    looked_up: list[str] = []
    failures: list[tuple[str, ...]] = []

    async def look(user: str, realm: str, algorithm: str) -> str | None:
        looked_up.append(user)
        return None

    keys, barred = GateKeys("r", b"s" * 32, look, time.time), {("127.0.0.1", "1000"), ("127.0.0.1", "nobody")}
    async with a_line(
        trusted=lambda _: False, keys=keys, barred_name=lambda *who: who in barred,
        on_failure=lambda *what: failures.append(what),
    ) as guarded:  # fmt: skip
        for user in ("1000", "nobody"):
            attempt = await alice.call(guarded, credentials=Credentials(user, "guess"))
            assert (await attempt.failed).status == 401
        assert looked_up == [] and failures == [], "what isn't looked at doesn't count"
        attempt = await alice.call(guarded, credentials=Credentials("other", "guess"))
        assert (await attempt.failed).status == 401
        assert looked_up == ["other"] and failures == [("127.0.0.1", "credentials", "other")]


HEAD = (
    "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
)


def a_digit(body: bytes) -> object:
    return digit_of(Request("INFO", "sip:a@b", Headers([("content-type", "application/dtmf-relay")]), body))


def _cost(read: Callable[[], object]) -> float:
    """CPU seconds of reading it, at its best: what else the machine does is left out."""
    tries: list[float] = []
    for _ in range(7):
        before = time.process_time()
        with contextlib.suppress(SipParseError):
            read()
        tries.append(time.process_time() - before)
    return min(tries)


@pytest.mark.parametrize(
    "read",
    [
        lambda size: parse((HEAD + "X: y\r\n z\r\nY: " + " " * (31 * size) + "\r\n\r\n").encode()),
        lambda size: a_digit(b"\n" * (60 * size)),
        lambda size: a_digit(b"Signal=5\n" + b" \n" * (30 * size)),
    ],
    ids=["a long line of blanks", "line breaks for a digit", "a digit and line breaks"],
)
def test_no_message_of_the_largest_size_holds_up_the_calls_of_others(read: Callable[[int], object]) -> None:
    # C does the work and can't be asked for its steps: eight times the size is 64 times the work where a pattern looks
    # for the same blanks from each of them.
    part, whole = _cost(lambda: read(125)), _cost(lambda: read(1000))
    assert whole < 32 * part or whole < 0.001

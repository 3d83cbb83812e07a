"""Calls with sipp, which we didn't write: as caller and as called side, by the rules and against them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from telephony.sip import Credentials, Ended, Invitation, InviteWish, ListenPoint, SipDialog
from testkit.waiting import eventually

from .peers import CALLER, Attempt, HandTimers, Line, a_line, sdp
from .sipp_runs import Sipp, sipp

BOTH = [ListenPoint("UDP", "127.0.0.1", 0), ListenPoint("TCP", "127.0.0.1", 0)]


@pytest_asyncio.fixture
async def house() -> AsyncIterator[Line]:
    """We, on UDP and TCP."""
    async with a_line(points=BOTH) as line:
        yield line


class Answers:
    """What our side does with calls, and what came of them."""

    def __init__(self, after: Callable[[SipDialog], Awaitable[None]] | None = None, *, rings: bool = True) -> None:
        self.ended: list[Ended] = []
        self.digits = ""
        self.offers: list[str] = []
        self.dialogs: list[SipDialog] = []
        self._after = after
        self._rings = rings

    async def take(self, invitation: Invitation) -> None:
        if self._rings:
            await invitation.ring()
        dialog = await invitation.answer(invitation.sdp_offer or "")
        self.dialogs.append(dialog)
        dialog.on_bye = self.ended.append
        dialog.on_info_digit = self._digit
        dialog.on_offer = self._offer
        if self._after is not None:
            await dialog.offers.acknowledged()
            await self._after(dialog)

    def _digit(self, digit: str, _: int) -> None:
        self.digits += digit

    async def _offer(self, offer: str | None) -> str:
        self.offers.append(offer or "")
        return sdp("again", "recvonly" if "a=sendonly" in (offer or "") else "sendrecv")


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_caller_calls_and_hangs_up(house: Line, tmp_path: Path, transport: str) -> None:
    answers = Answers()
    house.on_invitation = answers.take
    run = await sipp("uac_call", tmp_path, "-d", "50", to=house.port(transport), transport=transport, calls=5)
    await run.passed()
    await eventually(lambda: [(each.why, each.q850) for each in answers.ended] == [("bye", 16)] * 5)
    assert house.agent.dialogs == []


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_caller_holds_and_resumes(house: Line, tmp_path: Path, transport: str) -> None:
    answers = Answers()
    house.on_invitation = answers.take
    await (await sipp("uac_hold", tmp_path, to=house.port(transport), transport=transport)).passed()
    assert ["a=sendonly" in each for each in answers.offers] == [True, False]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_caller_refreshes_the_session_and_changes_it_by_update(
    house: Line, tmp_path: Path, transport: str
) -> None:
    answers = Answers()
    house.on_invitation = answers.take
    await (await sipp("uac_session_timer", tmp_path, to=house.port(transport), transport=transport)).passed()
    assert (len(answers.dialogs), len(answers.offers)) == (1, 1)


async def test_a_caller_who_insists_acknowledges_our_ringing(house: Line, tmp_path: Path) -> None:
    answers = Answers()
    house.on_invitation = answers.take
    await (await sipp("uac_prack", tmp_path, to=house.port())).passed()
    await eventually(lambda: [each.why for each in answers.ended] == ["bye"])


async def test_a_caller_who_breaks_the_rules_within_a_call_is_told_and_keeps_it(house: Line, tmp_path: Path) -> None:
    answers = Answers()
    house.on_invitation = answers.take
    await (await sipp("uac_wrong_in_call", tmp_path, to=house.port())).passed()
    assert (len(answers.dialogs), answers.offers) == (1, [])
    await eventually(lambda: [each.why for each in answers.ended] == ["bye"])


async def test_a_caller_presses_digits(house: Line, tmp_path: Path) -> None:
    answers = Answers()
    house.on_invitation = answers.take
    await (await sipp("uac_digits", tmp_path, to=house.port())).passed()
    assert answers.digits == "42#"


async def test_a_caller_gives_up_while_it_rings(house: Line, tmp_path: Path) -> None:
    gone: list[Ended] = []

    async def ring(invitation: Invitation) -> None:
        invitation.on_cancelled = gone.append
        await invitation.ring()

    house.on_invitation = ring
    await (await sipp("uac_cancel", tmp_path, to=house.port())).passed()
    assert [(each.why, each.status) for each in gone] == [("cancelled", 200)]


async def test_an_answer_is_repeated_until_the_caller_acknowledges(house: Line, tmp_path: Path) -> None:
    answers = Answers()
    house.on_invitation = answers.take
    await (await sipp("uac_late_ack", tmp_path, to=house.port())).passed()
    await eventually(lambda: [each.why for each in answers.ended] == ["bye"])


async def test_a_caller_who_says_everything_twice_has_one_call(house: Line, tmp_path: Path) -> None:
    answers = Answers()
    house.on_invitation = answers.take
    await (await sipp("uac_repeats", tmp_path, to=house.port())).passed()
    assert (len(answers.dialogs), len(answers.ended)) == (1, 1)


async def test_a_caller_who_breaks_the_rules_is_told(house: Line, tmp_path: Path) -> None:
    await (await sipp("uac_malformed", tmp_path, to=house.port())).passed()
    assert house.invitations == []


@pytest.mark.parametrize("scenario", ["uac_called_hangs_up", "uac_bye_crossing"])
@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_we_hang_up(house: Line, tmp_path: Path, scenario: str, transport: str) -> None:
    answers = Answers(lambda dialog: dialog.bye(16, "enough"))
    house.on_invitation = answers.take
    await (await sipp(scenario, tmp_path, to=house.port(transport), transport=transport)).passed()
    await eventually(lambda: house.agent.dialogs == [])
    assert answers.ended == []


async def test_both_change_the_session_at_once(house: Line, tmp_path: Path) -> None:
    changed: list[str] = []

    async def change(dialog: SipDialog) -> None:
        changed.append(await dialog.reinvite(sdp("ours", "sendonly")))

    answers = Answers(change)
    house.on_invitation = answers.take
    await (await sipp("uac_glare", tmp_path, to=house.port())).passed()
    assert "o=sipp 3 3" in changed[0]
    assert ["o=sipp 4 4" in each for each in answers.offers] == [True]


async def call(house: Line, run: Sipp, transport: str = "UDP", credentials: Credentials | None = None) -> Attempt:
    target = f"sip:100@127.0.0.1:{run.port};transport={transport.lower()}"
    return Attempt(await house.agent.invite(InviteWish(target, CALLER, sdp("ours"), credentials=credentials)))


@pytest.mark.parametrize(
    ("scenario", "transport"),
    [
        ("uas_answer", "UDP"),
        ("uas_answer", "TCP"),
        ("uas_reliable", "UDP"),
        ("uas_reliable", "TCP"),
        ("uas_digest", "UDP"),
    ],
)
async def test_we_call_are_answered_and_hang_up(house: Line, tmp_path: Path, scenario: str, transport: str) -> None:
    run = await sipp(scenario, tmp_path, transport=transport)
    attempt = await call(house, run, transport, Credentials("user", "secret"))
    dialog, answer = await asyncio.wait_for(attempt.answered, 30)
    assert "o=sipp 1 1" in answer
    assert (attempt.rings, len(attempt.early)) == ((0, 1) if scenario == "uas_reliable" else (attempt.rings, 0))
    await dialog.bye()
    await run.passed()
    assert house.agent.dialogs == []


@pytest.mark.parametrize(
    ("scenario", "status", "q850", "targets"),
    [("uas_busy", 486, 17, ()), ("uas_moved", 302, 23, ("sip:other@192.0.2.7",))],
)
async def test_we_call_and_are_refused(
    house: Line, tmp_path: Path, scenario: str, status: int, q850: int, targets: tuple[str, ...]
) -> None:
    run = await sipp(scenario, tmp_path)
    failure = await asyncio.wait_for((await call(house, run)).failed, 30)
    assert (failure.status, failure.q850, failure.targets) == (status, q850, targets)
    await run.passed()


async def test_an_answer_that_crosses_our_cancel_is_acknowledged_and_hung_up(house: Line, tmp_path: Path) -> None:
    run = await sipp("uas_late_answer", tmp_path)
    attempt = await call(house, run)
    await eventually(lambda: attempt.rings)
    await attempt.outgoing.cancel()
    await run.passed()
    assert (await attempt.failed).status == 487
    await eventually(lambda: house.agent.dialogs == [])


async def test_a_called_side_that_agrees_to_a_cancel_and_says_no_more_is_forgotten(tmp_path: Path) -> None:
    timers = HandTimers()
    async with a_line(timers) as house:
        run = await sipp("uas_never_final", tmp_path)
        attempt = await call(house, run)
        await eventually(lambda: attempt.rings)
        await attempt.outgoing.cancel()
        await run.passed()
        timers.pass_now(32)
        assert (await attempt.failed).status == 487
        assert house.agent.dialogs == [] and house.agent.load == 0

"""Calls between two agents: set up, changed, transferred, ended, whoever does it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from telephony.sip import (
    Destination,
    DialogEnded,
    Ended,
    Failure,
    Invitation,
    Limits,
    OfferRefused,
    ReferWish,
    Replaces,
    SipDialog,
    SipRefused,
)
from testkit.waiting import eventually

from .peers import HandTimers, Line, a_line, sdp


def end_of(dialog: SipDialog) -> asyncio.Future[Ended]:
    """How the dialog will end without our asking."""
    ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
    dialog.on_bye = ended.set_result
    return ended


async def test_a_call_rings_has_early_media_is_answered_and_hung_up(alice: Line, bob: Line) -> None:
    attempt = await alice.call(
        bob, asserted="sip:+49305550@trunk.example", diversion='<sip:+49301@a.example>;reason="x"'
    )
    invitation = await bob.invitation()
    assert (invitation.called, invitation.caller.sip.number) == ("+49301000", "+4930123")
    assert invitation.caller.display == "Caller"
    assert [each.sip.number for each in invitation.asserted] == ["+49305550"]
    assert [each.sip.number for each in invitation.diverted] == ["+49301"]
    assert invitation.sdp_offer == sdp("caller")
    await invitation.ring()
    await eventually(lambda: attempt.rings == 1)
    await invitation.progress(sdp("early"))
    await eventually(lambda: attempt.early == [sdp("early")])
    theirs = await invitation.answer(sdp("callee"))
    mine, answer = await attempt.answered
    assert answer == sdp("callee")
    over = end_of(theirs)
    await mine.bye(31, "network")
    assert await over == Ended("bye", 31, 0, "network")
    assert alice.agent.dialogs == bob.agent.dialogs == []


async def test_the_called_side_hangs_up(alice: Line, bob: Line) -> None:
    mine, theirs = await alice.connect(bob)
    over = end_of(mine)
    await theirs.bye()
    assert (await over).why == "bye"


async def test_both_hang_up_at_once(alice: Line, bob: Line) -> None:
    mine, theirs = await alice.connect(bob)
    told = [end_of(mine), end_of(theirs)]
    await asyncio.wait_for(asyncio.gather(mine.bye(), theirs.bye()), 30)
    assert not any(each.done() for each in told)
    assert alice.agent.dialogs == bob.agent.dialogs == []


@pytest.mark.parametrize(("status", "q850", "told"), [(486, None, 17), (480, 19, 19), (603, None, 21), (404, None, 1)])
async def test_a_refusal_tells_its_cause(alice: Line, bob: Line, status: int, q850: int | None, told: int) -> None:
    attempt = await alice.call(bob)
    await (await bob.invitation()).refuse(status, q850=q850)
    failure = await attempt.failed
    assert (failure.status, failure.q850, failure.local) == (status, told, False)
    assert alice.agent.dialogs == bob.agent.dialogs == []


async def test_a_caller_who_gives_up_is_told_to_the_called(alice: Line, bob: Line) -> None:
    attempt = await alice.call(bob)
    invitation = await bob.invitation()
    gone: list[Ended] = []
    invitation.on_cancelled = gone.append
    await invitation.ring()
    await eventually(lambda: attempt.rings)
    await attempt.outgoing.cancel(q850=19)
    assert (await attempt.failed).status == 487
    assert [(each.why, each.q850) for each in gone] == [("cancelled", 19)]
    with pytest.raises(DialogEnded):
        await invitation.answer(sdp("late"))
    assert alice.agent.dialogs == bob.agent.dialogs == []


async def test_a_call_answered_elsewhere_says_so(alice: Line, bob: Line) -> None:
    attempt = await alice.call(bob)
    invitation = await bob.invitation()
    gone: list[Ended] = []
    invitation.on_cancelled = gone.append
    await attempt.outgoing.cancel(answered_elsewhere=True)
    await attempt.failed
    assert gone[0].status == 200


async def test_an_answer_that_crosses_a_cancel_is_hung_up(alice: Line, bob: Line) -> None:
    attempt = await alice.call(bob)
    invitation = await bob.invitation()
    theirs, _ = await asyncio.gather(invitation.answer(sdp("callee")), attempt.outgoing.cancel())
    over = end_of(theirs)
    assert (await attempt.failed).status == 487
    assert (await over).why == "bye"
    await eventually(lambda: alice.agent.dialogs == bob.agent.dialogs == [])


async def test_nobody_answers_in_time(alice: Line, bob: Line) -> None:
    attempt = await alice.call(bob, ring_seconds=0.2)
    invitation = await bob.invitation()
    gone: list[Ended] = []
    invitation.on_cancelled = gone.append
    await invitation.ring()
    assert await attempt.failed == Failure(408, "no answer", 19, local=True)
    await eventually(lambda: gone)


async def test_a_gateway_that_says_nothing_is_given_up_early(alice: Line) -> None:
    attempt = await alice.call(alice, hop=Destination("UDP", "127.0.0.1", 9), response_seconds=0.1)
    assert await attempt.failed == Failure(408, "no response", 18, local=True)


async def test_a_connection_refused_is_a_failure_of_ours(alice: Line) -> None:
    attempt = await alice.call(alice, hop=Destination("TCP", "127.0.0.1", 9))
    failure = await attempt.failed
    assert (failure.status, failure.local) == (503, True)


async def test_hold_and_resume_are_offers_within_the_call(alice: Line, bob: Line) -> None:
    mine, theirs = await alice.connect(bob)
    offers: list[str | None] = []

    async def answer(offer: str | None) -> str:
        offers.append(offer)
        return sdp("held", "recvonly")

    theirs.on_offer = answer
    assert await mine.reinvite(sdp("hold", "sendonly")) == sdp("held", "recvonly")
    assert await mine.update(sdp("resume")) == sdp("held", "recvonly")
    assert offers == [sdp("hold", "sendonly"), sdp("resume")]
    assert theirs.state()["remote_sdp"] == sdp("resume")


async def test_an_offer_refused_leaves_the_call_as_it_was(alice: Line, bob: Line) -> None:
    mine, theirs = await alice.connect(bob)

    async def refuse(_: str | None) -> str:
        raise OfferRefused

    theirs.on_offer = refuse
    for change in (mine.reinvite, mine.update):
        with pytest.raises(SipRefused) as refused:
            await change(sdp("video"))
        assert refused.value.status == 488
    assert not mine.ended and mine.state()["remote_sdp"] == sdp("callee")
    await mine.bye()


async def test_offers_that_collide_are_made_one_after_the_other(alice: Line, bob: Line) -> None:
    mine, theirs = await alice.connect(bob)
    answered: list[str] = []

    def answers(name: str) -> Any:
        async def answer(_: str | None) -> str:
            answered.append(name)
            return sdp(name)

        return answer

    mine.on_offer, theirs.on_offer = answers("mine"), answers("theirs")
    both = asyncio.gather(mine.reinvite(sdp("m")), theirs.reinvite(sdp("t")))
    assert await asyncio.wait_for(both, 30) == [sdp("theirs"), sdp("mine")]
    assert sorted(answered) == ["mine", "theirs"]


async def test_digits_come_by_info(alice: Line, bob: Line) -> None:
    mine, theirs = await alice.connect(bob)
    digits: list[tuple[str, int]] = []
    theirs.on_info_digit = lambda digit, milliseconds: digits.append((digit, milliseconds))
    for digit in "5#*a":
        await mine.send_digit(digit, 200)
    assert digits == [("5", 200), ("#", 200), ("*", 200), ("A", 200)]


async def test_a_blind_transfer_tells_how_the_new_call_goes(alice: Line, bob: Line) -> None:
    mine, theirs = await alice.connect(bob)
    wishes: list[ReferWish] = []
    theirs.on_refer = wishes.append
    heard: list[int] = []
    refer = asyncio.ensure_future(mine.refer("sip:+49305@127.0.0.1", on_progress=heard.append))  # noqa: TID251
    wish = await eventually(lambda: wishes[0] if wishes else None)
    assert (wish.target, wish.replaces, wish.replaced) == ("sip:+49305@127.0.0.1", None, None)
    assert wish.referred_by == mine.local_uri
    wish.accept()
    wish.notify(180)
    await eventually(lambda: set(heard) >= {100, 180})
    wish.notify(486)
    assert await refer == 486
    assert not mine.ended and not theirs.ended


async def test_a_transfer_that_is_not_wanted_is_refused(alice: Line, bob: Line) -> None:
    mine, _ = await alice.connect(bob)
    with pytest.raises(SipRefused) as refused:
        await mine.refer("sip:+49305@127.0.0.1")
    assert refused.value.status == 603


async def test_a_transferred_call_that_ends_leaves_nobody_waiting(alice: Line, bob: Line) -> None:
    mine, theirs = await alice.connect(bob)
    theirs.on_refer = lambda wish: wish.accept()
    refer = asyncio.ensure_future(mine.refer("sip:+49305@127.0.0.1"))  # noqa: TID251
    await eventually(lambda: bob.agent.load > 0 and mine._referrals._running)
    await theirs.bye()
    assert await asyncio.wait_for(refer, 30) in (0, 100)


async def test_a_consulted_transfer_replaces_the_consulting_call(alice: Line, bob: Line) -> None:
    """bob asks alice, with whom he talks, to take his place at carol: alice's INVITE names bob's dialog there."""
    async with a_line() as carol:
        call, call_at_bob = await alice.connect(bob)
        consult, consult_at_carol = await bob.connect(carol)
        answered: list[SipDialog] = []

        async def bring(wish: ReferWish) -> None:
            wish.accept()
            attempt = await alice.call(carol, target=wish.target, replaces=wish.replaces)
            answered.append((await attempt.answered)[0])
            wish.notify(200)

        call.on_refer = lambda wish: alice.agent.stack.spawn(bring(wish), "bring")
        consult_over = end_of(consult)
        refer = asyncio.ensure_future(call_at_bob.refer(carol.uri(), consult))  # noqa: TID251
        invitation = await carol.invitation(1)
        assert invitation.replaced is consult_at_carol
        await invitation.answer(sdp("carol"))
        assert await refer == 200
        assert (await consult_over).why == "bye"
        assert answered[0].remote_uri == carol.uri()


async def test_a_phone_transfers_one_of_our_calls_into_another(alice: Line, bob: Line) -> None:
    """A desk phone (alice) has two calls with us (bob) and joins them: the wish names our own dialog."""
    first, first_at_bob = await alice.connect(bob)
    second, second_at_bob = await alice.connect(bob)
    wishes: list[ReferWish] = []
    first_at_bob.on_refer = wishes.append
    refer = asyncio.ensure_future(first.refer(bob.uri(), second))  # noqa: TID251
    wish = await eventually(lambda: wishes[0] if wishes else None)
    assert wish.replaced is second_at_bob
    wish.accept()
    wish.notify(200)
    assert await refer == 200


async def test_a_call_that_replaces_nothing_is_refused(alice: Line, bob: Line) -> None:
    await alice.connect(bob)
    attempt = await alice.call(bob, replaces=Replaces("nobody", "1", "2"))
    assert (await attempt.failed).status == 481
    assert len(bob.invitations) == 1


async def test_early_media_is_acknowledged_before_the_answer(alice: Line, bob: Line) -> None:
    attempt = await alice.call(bob, headers=(("require", "100rel"),))
    invitation = await bob.invitation()
    await invitation.ring()
    await invitation.progress(sdp("early"))
    await eventually(lambda: attempt.early == [sdp("early")] and attempt.rings == 1)
    theirs = await invitation.answer(sdp("callee"))
    mine, _ = await attempt.answered
    assert not theirs.ended and not mine.ended


async def test_early_media_changes_before_the_answer(alice: Line, bob: Line) -> None:
    attempt = await alice.call(bob)
    early: list[SipDialog] = []
    attempt.outgoing.on_early_dialog = early.append
    invitation = await bob.invitation()

    async def answer(offer: str | None) -> str:
        return sdp("changed")

    invitation.dialog.on_offer = answer
    await invitation.progress(sdp("early"))
    await eventually(lambda: attempt.early and early)
    assert await early[0].update(sdp("other")) == sdp("changed")
    await invitation.answer(sdp("callee"))
    assert (await attempt.answered)[0] is early[0]


async def test_a_dialog_goes_on_at_another_node(alice: Line, bob: Line) -> None:
    mine, theirs = await alice.connect(bob)
    stored = json.loads(json.dumps(theirs.state()))

    async def keep(offer: str | None) -> str:
        return sdp("caller again")

    mine.on_offer = keep
    # What was asked after the state was stored: the other node doesn't know of it.
    for digit in "123":
        await theirs.send_digit(digit)
    await bob.agent.close()
    async with a_line() as other:
        taken = other.agent.take_over(stored)
        assert await taken.reinvite(sdp("other node")) == sdp("caller again")
        assert mine.state()["remote_target"] == taken.contact
        over = end_of(taken)
        await mine.bye()
        assert (await over).why == "bye"
        assert other.agent.dialogs == []


async def test_what_is_no_state_is_not_taken_over(alice: Line) -> None:
    with pytest.raises(ValueError):
        alice.agent.take_over({"call_id": "x"})


async def test_a_peer_who_forgot_the_call_ends_it(alice: Line, bob: Line) -> None:
    mine, theirs = await alice.connect(bob)
    over = end_of(mine)
    theirs.abandon()
    with pytest.raises(SipRefused):
        await mine.reinvite(sdp("x"))
    assert (await over).why == "gone"


async def test_a_peer_who_does_not_answer_is_told_that_the_call_is_over(bob: Line) -> None:
    timers = HandTimers()
    async with a_line(timers) as alice:
        mine, theirs = await alice.connect(bob)

        async def never(_offer: str | None) -> str:
            await asyncio.Event().wait()
            return ""

        theirs.on_offer = never
        over, told = end_of(mine), end_of(theirs)
        asking = asyncio.create_task(mine.reinvite(sdp("x")))  # noqa: TID251 - awaited below
        await eventually(lambda: theirs.offers._answering)
        timers.pass_now(32)
        with pytest.raises(SipRefused):
            await asking
        assert ((await over).why, (await over).status) == ("gone", 408)
        async with asyncio.timeout(30):
            assert ((await told).why, (await told).q850) == ("bye", 102)
        await eventually(lambda: alice.agent.dialogs == [])


async def test_a_draining_agent_takes_no_new_calls_and_keeps_the_old(alice: Line, bob: Line) -> None:
    mine, _ = await alice.connect(bob)
    bob.agent.drain(7)
    failure = await (await alice.call(bob)).failed
    assert (failure.status, failure.retry_after) == (503, 7)
    assert (await alice.agent.options(bob.uri(), bob.place())).status == 503
    bob.agent.drain(None)
    assert (await alice.agent.options(bob.uri(), bob.place())).status == 200
    assert not mine.ended


async def test_too_many_new_calls_are_told_to_come_later(alice: Line) -> None:
    async with a_line(HandTimers(), limits=Limits(invitations_per_second=4)) as busy:
        attempts = [await alice.call(busy) for _ in range(6)]
        failures = await asyncio.gather(*(each.failed for each in attempts[2:]))
        assert {(each.status, each.retry_after) for each in failures} == {(503, 1)}
        assert len(busy.invitations) == 2, "half is left to others"


async def test_an_agent_nobody_listens_to_refuses(alice: Line, bob: Line) -> None:
    bob.agent.on_invite = None
    assert (await (await alice.call(bob)).failed).status == 503


async def test_an_anonymous_caller_shows_no_number(alice: Line, bob: Line) -> None:
    await alice.call(bob, anonymous=True, asserted="sip:+4930123@trunk.example")
    invitation = await bob.invitation()
    assert invitation.caller.uri == "sip:anonymous@anonymous.invalid"
    assert invitation.request.headers.get("privacy") == "id"
    assert "+4930123" not in (invitation.request.headers.get("contact") or "")


async def test_an_application_that_fails_is_answered_for(alice: Line, bob: Line, nothing_wrong: list[str]) -> None:
    def broken(_: Invitation) -> None:
        raise RuntimeError("broken")

    bob.agent.on_invite = broken
    assert (await (await alice.call(bob)).failed).status == 500
    assert len(nothing_wrong) == 1
    nothing_wrong.clear()

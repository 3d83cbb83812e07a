"""Peers who repeat, forget, cross, fork or break the rules: the agent stays right and nothing stays behind."""

from __future__ import annotations

import asyncio

import pytest
from telephony.sip import Ended, InviteWish
from telephony.sip.messages import Request, Response
from testkit.waiting import eventually

from .peers import CALLER, Attempt, HandTimers, Line, Stranger, a_line, a_stranger, sdp


def tag_of(response: Response) -> str:
    return response.to.tag


async def test_a_repeated_invite_is_one_call(bob: Line, stranger: Stranger) -> None:
    for _ in range(3):
        stranger.say(stranger.invite())
    invitation = await bob.invitation()
    await invitation.ring()
    first = await stranger.response(180)
    stranger.say(stranger.invite())
    assert tag_of(await stranger.response(180)) == tag_of(first)
    assert len(bob.invitations) == 1


async def test_the_same_invite_by_two_ways_is_taken_once(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.invite("z9hG4bKone"))
    await bob.invitation()
    stranger.say(stranger.invite("z9hG4bKother"))
    await stranger.response(482)
    assert len(bob.invitations) == 1


async def test_an_answer_nobody_acknowledges_is_repeated_and_hung_up() -> None:
    timers = HandTimers()
    async with a_line(timers) as bob, a_stranger(bob) as stranger:
        stranger.say(stranger.invite())
        dialog = await (await bob.invitation()).answer(sdp("bob"))
        ended: list[Ended] = []
        dialog.on_bye = ended.append
        for count, pause in enumerate([0.5, 1, 2, 4, 4, 4, 4, 4, 4, 4], start=1):
            await eventually(lambda seen=count: len([each for each in stranger.heard if is_ok(each)]) == seen)
            timers.pass_now(pause)
        assert ended == []
        timers.pass_now(1)
        await eventually(lambda: [each.why for each in ended] == ["no_ack"])
        assert (await stranger.request("BYE")).to.tag == "ft"
        timers.pass_now(64)
        await eventually(lambda: bob.agent.dialogs == [] and bob.agent.load == 0)


def is_ok(message: Request | Response) -> bool:
    return isinstance(message, Response) and message.status == 200


async def test_a_refusal_nobody_acknowledges_is_repeated_and_forgotten() -> None:
    timers = HandTimers()
    async with a_line(timers) as bob, a_stranger(bob) as stranger:
        stranger.say(stranger.invite())
        await (await bob.invitation()).refuse(486)
        await stranger.response(486)
        timers.pass_now(0.5)
        await stranger.response(486)
        timers.pass_now(32)
        assert bob.agent.load == 0 and bob.agent.dialogs == [] and timers.waiting == 0


async def test_an_acknowledged_refusal_is_not_repeated() -> None:
    timers = HandTimers()
    async with a_line(timers) as bob, a_stranger(bob) as stranger:
        stranger.say(stranger.invite())
        await (await bob.invitation()).refuse(486)
        refusal = await stranger.response(486)
        stranger.say(stranger.message("ACK", "z9hG4bKone", to_tag=tag_of(refusal)))
        await eventually(lambda: timers.waiting == 1)
        timers.pass_now(5)
        assert bob.agent.load == 0
        assert len([each for each in stranger.heard if isinstance(each, Response) and each.status == 486]) == 1


async def test_a_cancel_while_ringing_ends_it(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.invite())
    invitation = await bob.invitation()
    gone: list[Ended] = []
    invitation.on_cancelled = gone.append
    await invitation.ring()
    await stranger.response(180)
    stranger.say(stranger.message("CANCEL", "z9hG4bKone", "Reason: SIP;cause=200"))
    assert {(await stranger._next(lambda each: isinstance(each, Response), 5)).cseq[1] for _ in range(2)} == {
        "CANCEL",
        "INVITE",
    }
    assert (gone[0].why, gone[0].status) == ("cancelled", 200)
    assert not invitation.is_open


async def test_a_cancel_of_nothing_is_told_so(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.message("CANCEL", "z9hG4bKnever"))
    await stranger.response(481)


async def test_a_cancel_after_the_answer_changes_nothing(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.invite())
    dialog = await (await bob.invitation()).answer(sdp("bob"))
    await stranger.response(200)
    stranger.say(stranger.message("CANCEL", "z9hG4bKone"))
    await stranger.response(200)
    assert not dialog.ended


async def answered(bob: Line, stranger: Stranger, *more: str) -> tuple[str, asyncio.Future[Ended]]:
    """A call of the stranger's that is up; our tag, and how it will end."""
    stranger.say(stranger.invite("z9hG4bKone", *more))
    dialog = await (await bob.invitation()).answer(sdp("bob"))
    tag = tag_of(await stranger.response(200))
    stranger.say(stranger.message("ACK", "z9hG4bKack", to_tag=tag))
    await eventually(lambda: not dialog.offers._unacknowledged)
    ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
    dialog.on_bye = ended.set_result
    return tag, ended


async def test_a_bye_repeated_is_answered_each_time_and_told_once(bob: Line, stranger: Stranger) -> None:
    tag, ended = await answered(bob, stranger)
    for _ in range(3):
        stranger.say(stranger.message("BYE", "z9hG4bKbye", 'Reason: Q.850;cause=34;text="full"', to_tag=tag, cseq=2))
        await stranger.response(200)
    assert await ended == Ended("bye", 34, 0, "full")
    stranger.say(stranger.message("BYE", "z9hG4bKbye2", to_tag=tag, cseq=3))
    await stranger.response(481)


async def test_a_bye_before_the_answer_ends_the_invitation(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.invite())
    invitation = await bob.invitation()
    gone: list[Ended] = []
    invitation.on_cancelled = gone.append
    await invitation.ring()
    tag = tag_of(await stranger.response(180))
    stranger.say(stranger.message("BYE", "z9hG4bKbye", to_tag=tag, cseq=2))
    await stranger.response(200)
    await stranger.response(487)
    assert gone[0].why == "bye"


async def test_requests_out_of_order_are_refused(bob: Line, stranger: Stranger) -> None:
    tag, _ = await answered(bob, stranger)
    stranger.say(stranger.message("OPTIONS", "z9hG4bKa", to_tag=tag, cseq=50))
    await stranger.response(200)
    stranger.say(stranger.message("INFO", "z9hG4bKb", to_tag=tag, cseq=49))
    await stranger.response(500)


async def test_a_reinvite_while_ours_is_open_is_told_to_wait(bob: Line, stranger: Stranger) -> None:
    tag, _ = await answered(bob, stranger)
    dialog = bob.agent.dialogs[0]
    ours = asyncio.ensure_future(dialog.reinvite(sdp("ours")))  # noqa: TID251
    offer = await stranger.request("INVITE")
    stranger.say(stranger.message("INVITE", "z9hG4bKre", to_tag=tag, cseq=2, body=sdp("theirs")))
    await stranger.response(491)
    stranger.answer(offer, 200, sdp("theirs"))
    assert await ours == sdp("theirs")
    assert (await stranger.request("ACK")).cseq == (offer.cseq[0], "ACK")


async def test_a_second_reinvite_before_the_first_is_answered_is_refused(bob: Line, stranger: Stranger) -> None:
    tag, _ = await answered(bob, stranger)
    release = asyncio.Event()

    async def slow(_: str | None) -> str:
        await release.wait()
        return sdp("slow")

    bob.agent.dialogs[0].on_offer = slow
    stranger.say(stranger.message("INVITE", "z9hG4bKr1", to_tag=tag, cseq=2, body=sdp("1")))
    stranger.say(stranger.message("INVITE", "z9hG4bKr2", to_tag=tag, cseq=3, body=sdp("2")))
    refused = await stranger.response(500)
    assert int(refused.headers.get("retry-after") or "x") <= 10
    release.set()
    await stranger.response(200)


async def test_after_glare_our_offer_is_made_again(bob: Line, stranger: Stranger) -> None:
    await answered(bob, stranger)
    ours = asyncio.ensure_future(bob.agent.dialogs[0].reinvite(sdp("ours")))  # noqa: TID251
    first = await stranger.request("INVITE")
    stranger.answer(first, 491)
    await stranger.request("ACK")
    again = await stranger.request("INVITE")
    assert again.cseq[0] == first.cseq[0] + 1
    stranger.answer(again, 200, sdp("yes"))
    assert await ours == sdp("yes")


async def test_an_answer_repeated_is_acknowledged_again(bob: Line, stranger: Stranger) -> None:
    await answered(bob, stranger)
    ours = asyncio.ensure_future(bob.agent.dialogs[0].reinvite(sdp("ours")))  # noqa: TID251
    offer = await stranger.request("INVITE")
    for _ in range(3):
        stranger.answer(offer, 200, sdp("yes"))
        assert (await stranger.request("ACK")).cseq[0] == offer.cseq[0]
    assert await ours == sdp("yes")


async def test_an_invite_without_offer_gets_ours_and_answers_with_its_ack(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.invite(body=""))
    invitation = await bob.invitation()
    assert invitation.sdp_offer is None
    dialog = await invitation.answer(sdp("our offer"))
    answers: list[str] = []
    dialog.on_answer = answers.append
    ok = await stranger.response(200)
    assert ok.body.decode() == sdp("our offer")
    stranger.say(stranger.message("ACK", "z9hG4bKack", to_tag=tag_of(ok), body=sdp("late answer")))
    await eventually(lambda: answers == [sdp("late answer")])


@pytest.mark.parametrize(
    ("more", "body", "status", "field"),
    [
        (("Require: nothing-we-know, timer",), None, 420, ("unsupported", "nothing-we-know")),
        (("Content-Encoding: gzip",), None, 415, None),
        (("Supported: timer", "Session-Expires: 30"), None, 422, ("min-se", "90")),
        (("Replaces: nobody;to-tag=1;from-tag=2",), None, 481, None),
        (("Replaces: a;to-tag=1;from-tag=2", "Replaces: b;to-tag=1;from-tag=2"), None, 400, None),
    ],
)
async def test_what_an_invite_may_not_want_is_refused(
    bob: Line, stranger: Stranger, more: tuple[str, ...], body: str | None, status: int, field: tuple[str, str] | None
) -> None:
    stranger.say(stranger.invite("z9hG4bKone", *more, body=body))
    refusal = await stranger.response(status)
    if field is not None:
        assert refusal.headers.get(field[0]) == field[1]
    assert bob.invitations == []


async def test_a_body_of_unknown_type_is_refused_and_a_multipart_one_searched(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.message("INVITE", "z9hG4bKa", call="a", body="{}", kind="application/json"))
    await stranger.response(415)
    parts = (
        f"--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x\r\nContent-Type: application/sdp\r\n\r\n{sdp('in')}\r\n--x--"
    )
    stranger.say(stranger.message("INVITE", "z9hG4bKb", call="b", body=parts, kind='multipart/mixed;boundary="x"'))
    assert (await bob.invitation()).sdp_offer == sdp("in")


@pytest.mark.parametrize(
    ("method", "status"),
    [("BYE", 481), ("INFO", 481), ("UPDATE", 481), ("PRACK", 481), ("NOTIFY", 481), ("REFER", 405), ("MESSAGE", 501),
     ("SUBSCRIBE", 501), ("!odd~Method", 501)],
)  # fmt: skip
async def test_a_request_of_no_dialog_is_told_so(bob: Line, stranger: Stranger, method: str, status: int) -> None:
    stranger.say(stranger.message(method, "z9hG4bKone"))
    await stranger.response(status)


async def test_an_ack_is_never_answered(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.message("ACK", "z9hG4bKone", to_tag="nobody"))
    stranger.say(stranger.message("ACK", "z9hG4bKone", to_tag="x", cseq_method="INVITE"))
    stranger.say(b"ACK broken\r\n\r\n")
    stranger.say(stranger.message("OPTIONS", "z9hG4bKtwo"))
    await stranger.response(200)
    assert len(stranger.heard) == 1


async def test_a_malformed_request_is_told_what_is_wrong(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.invite().replace("CSeq: 1 INVITE", "CSeq: 1 BYE"))
    await stranger.response(400)
    stranger.say(stranger.message("OPTIONS", "z9hG4bKtwo", uri="soap.beep://example.com"))
    await stranger.response(416)
    stranger.say(stranger.message("OPTIONS", "z9hG4bKthree").replace(" SIP/2.0\r\n", " SIP/3.0\r\n", 1))
    await stranger.response(505)
    assert bob.invitations == []


async def test_a_sender_by_the_old_rules_is_served(bob: Line, stranger: Stranger) -> None:
    """RFC 2543: no branch that means anything, no rport, and the ACK has the same Via."""
    old = stranger.invite().replace(";branch=z9hG4bKone;rport", "")
    stranger.say(old)
    stranger.say(old)
    await (await bob.invitation()).refuse(486)
    tag = tag_of(await stranger.response(486))
    load = bob.agent.load
    stranger.say(stranger.message("ACK", "z9hG4bKone", to_tag=tag).replace(";branch=z9hG4bKone;rport", ""))
    transaction = next(iter(bob.agent.stack.transactions._servers.values()))
    await eventually(lambda: transaction.state.name == "CONFIRMED")
    assert (len(bob.invitations), load) == (1, 1)


async def call(line: Line, stranger: Stranger, **wish: object) -> tuple[Attempt, Request]:
    """Our call to the stranger, and the INVITE he got."""
    made = InviteWish(f"sip:100@127.0.0.1:{stranger.port}", CALLER, sdp("ours"), **wish)  # type: ignore[arg-type]
    attempt = Attempt(await line.agent.invite(made))
    return attempt, await stranger.request("INVITE")


async def test_a_second_fork_that_answers_is_hung_up(bob: Line, stranger: Stranger) -> None:
    attempt, invite = await call(bob, stranger)
    stranger.answer(invite, 180, tag="one")
    stranger.answer(invite, 180, tag="two")
    await eventually(lambda: attempt.rings == 2)
    stranger.answer(invite, 200, sdp("two"), tag="two")
    assert (await attempt.answered)[1] == sdp("two")
    assert (await stranger.request("ACK")).to.tag == "two"
    stranger.answer(invite, 200, sdp("one"), tag="one")
    assert (await stranger.request("ACK")).to.tag == "one"
    bye = await stranger.request("BYE")
    assert bye.to.tag == "one"
    stranger.answer(bye, 200)
    stranger.answer(invite, 200, sdp("two"), tag="two")
    assert (await stranger.request("ACK")).to.tag == "two"
    await eventually(lambda: len(bob.agent.dialogs) == 1)


async def test_an_answer_after_we_gave_up_is_hung_up(bob: Line, stranger: Stranger) -> None:
    attempt, invite = await call(bob, stranger, ring_seconds=0.1)
    assert (await attempt.failed).local
    stranger.answer(invite, 180)
    assert (await stranger.request("CANCEL")).cseq == (invite.cseq[0], "CANCEL")
    stranger.answer(invite, 200, sdp("late"))
    await stranger.request("ACK")
    stranger.answer(await stranger.request("BYE"), 200)
    await eventually(lambda: bob.agent.dialogs == [])


async def test_a_redirection_names_the_other_places(bob: Line, stranger: Stranger) -> None:
    attempt, invite = await call(bob, stranger)
    response = invite.response(302, tag="x")
    response.headers.set("contact", "<sip:one@a.example>;q=0.9, <sip:two@b.example>")
    stranger.say(response.encode())
    failure = await attempt.failed
    assert (failure.status, failure.targets) == (302, ("sip:one@a.example", "sip:two@b.example"))
    assert (await stranger.request("ACK")).to.tag == "x"


async def test_a_refusal_repeated_is_acknowledged_each_time(bob: Line, stranger: Stranger) -> None:
    attempt, invite = await call(bob, stranger)
    for _ in range(3):
        stranger.answer(invite, 486, "", "Reason: Q.850;cause=21")
        ack = await stranger.request("ACK")
        assert ack.headers.lines("via") == invite.headers.lines("via")
    assert (await attempt.failed).q850 == 21


async def test_too_short_a_session_is_asked_for_again(bob: Line, stranger: Stranger) -> None:
    attempt, invite = await call(bob, stranger)
    stranger.answer(invite, 422, "", "Min-SE: 3600")
    await stranger.request("ACK")
    again = await stranger.request("INVITE")
    assert (again.headers.get("session-expires"), again.headers.get("min-se")) == ("3600", "3600")
    assert (again.call_id, again.from_.tag, again.cseq[0]) == (invite.call_id, invite.from_.tag, invite.cseq[0] + 1)
    stranger.answer(again, 200, sdp("yes"))
    await attempt.answered


async def test_an_answer_without_description_is_hung_up(bob: Line, stranger: Stranger) -> None:
    attempt, invite = await call(bob, stranger)
    stranger.answer(invite, 200)
    await stranger.request("ACK")
    assert "cause=127" in ((await stranger.request("BYE")).headers.get("reason") or "")
    assert (await attempt.failed).status == 488


async def test_reliable_ringing_is_acknowledged_in_order(bob: Line, stranger: Stranger) -> None:
    attempt, invite = await call(bob, stranger)
    stranger.answer(invite, 183, sdp("early"), "Require: 100rel", "RSeq: 7")
    prack = await stranger.request("PRACK")
    assert prack.headers.get("rack") == f"7 {invite.cseq[0]} INVITE"
    stranger.answer(prack, 200)
    stranger.answer(invite, 180, "", "Require: 100rel", "RSeq: 9")
    stranger.answer(invite, 183, sdp("early"), "Require: 100rel", "RSeq: 7")
    stranger.answer(invite, 180, "", "Require: 100rel", "RSeq: 8")
    assert (await stranger.request("PRACK")).headers.get("rack") == f"8 {invite.cseq[0]} INVITE"
    assert (attempt.rings, attempt.early) == (1, [sdp("early")])
    stranger.answer(invite, 200)
    assert (await attempt.answered)[1] == sdp("early")


async def test_early_media_nobody_acknowledges_ends_the_invitation() -> None:
    timers = HandTimers()
    async with a_line(timers) as bob, a_stranger(bob) as stranger:
        stranger.say(stranger.invite("z9hG4bKone", "Supported: 100rel"))
        invitation = await bob.invitation()
        gone: list[Ended] = []
        invitation.on_cancelled = gone.append
        await invitation.progress(sdp("early"))
        first = await stranger.response(183)
        timers.pass_now(0.5)
        assert (await stranger.response(183)).headers.get("rseq") == first.headers.get("rseq")
        wrong = f"RAck: {int(first.headers.get('rseq') or 0) + 1} 1 INVITE"
        stranger.say(stranger.message("PRACK", "z9hG4bKp", wrong, to_tag=tag_of(first), cseq=2))
        await stranger.response(481)
        timers.pass_now(64)
        assert [each.why for each in gone] == ["no_prack"]


async def test_requests_follow_the_route_the_answer_recorded(bob: Line, stranger: Stranger) -> None:
    async with a_stranger(bob) as proxy:
        attempt, invite = await call(bob, stranger)
        routes = (f"Record-Route: <sip:127.0.0.1:{proxy.port};lr>", "Record-Route: <sip:other.example;lr>")
        stranger.answer(invite, 200, sdp("yes"), *reversed(routes))
        dialog, _ = await attempt.answered
        ack = await proxy.request("ACK")
        assert ack.headers.each("route") == [f"<sip:127.0.0.1:{proxy.port};lr>", "<sip:other.example;lr>"]
        assert ack.uri == f"sip:stranger@127.0.0.1:{stranger.port}"
        bye = asyncio.ensure_future(dialog.bye())  # noqa: TID251
        proxy.answer(await proxy.request("BYE"), 200)
        await bye


async def test_a_caller_behind_nat_is_asked_where_it_was_heard(bob: Line, stranger: Stranger) -> None:
    text = stranger.invite().replace(
        f"Contact: <sip:stranger@127.0.0.1:{stranger.port}>", "Contact: <sip:s@192.168.7.7>"
    )
    stranger.say(text)
    await (await bob.invitation()).answer(sdp("bob"))
    ok = await stranger.response(200)
    stranger.say(stranger.message("ACK", "z9hG4bKack", to_tag=tag_of(ok)))
    bye = asyncio.ensure_future(bob.agent.dialogs[0].bye())  # noqa: TID251
    request = await stranger.request("BYE")
    assert request.uri == "sip:s@192.168.7.7"
    stranger.answer(request, 200)
    await bye

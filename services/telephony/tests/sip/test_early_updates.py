"""Who may change a call before it is answered: whoever has an answer that arrived for certain (RFC 3311 5.1, 5.2)."""

from __future__ import annotations

import asyncio

import pytest
from telephony.sip import SipDialog
from telephony.sip.messages import Response

from .peers import Line, Stranger, sdp
from .test_bad_flows import call, tag_of


class Changes:
    """What a dialog was asked to change to."""

    def __init__(self, dialog: SipDialog) -> None:
        self.offers: list[str | None] = []
        dialog.on_offer = self._answer

    async def _answer(self, offer: str | None) -> str:
        self.offers.append(offer)
        return sdp("changed")


async def rings(bob: Line, stranger: Stranger, *fields: str, body: str | None = None) -> tuple[Changes, Response]:
    """A stranger's call that is told how it goes, with early media where it described itself."""
    stranger.say(stranger.invite("z9hG4bKone", *fields, body=body))
    invitation = await bob.invitation()
    changes = Changes(invitation.dialog)
    await (invitation.ring() if body == "" else invitation.progress(sdp("early")))
    return changes, await stranger.response(180 if body == "" else 183)


def update(stranger: Stranger, told: Response, number: int, body: str, *fields: str) -> None:
    stranger.say(stranger.message("UPDATE", f"z9hG4bKu{number}", *fields, to_tag=tag_of(told), cseq=number, body=body))


async def test_a_caller_whose_answer_may_be_lost_changes_nothing_yet(bob: Line, stranger: Stranger) -> None:
    changes, told = await rings(bob, stranger)
    assert told.headers.get("require") is None
    update(stranger, told, 2, sdp("held", "sendonly"))
    refused = await stranger.response(500)
    assert 0 <= int(refused.headers.get("retry-after") or -1) <= 10
    assert changes.offers == []
    (invitation,) = bob.invitations
    await invitation.answer(sdp("early"))
    answered = await stranger.response(200)
    assert answered.body.decode() == sdp("early"), "the 200 still answers the INVITE"
    stranger.say(stranger.message("ACK", "z9hG4bKack", to_tag=tag_of(answered)))
    update(stranger, told, 3, sdp("held", "sendonly"))
    assert (await stranger.response(200)).body.decode() == sdp("changed")


async def test_a_caller_who_was_only_told_of_ringing_changes_nothing_yet(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.invite("z9hG4bKone", "Require: 100rel"))
    invitation = await bob.invitation()
    changes = Changes(invitation.dialog)
    await invitation.ring()
    told = await stranger.response(180)
    assert told.headers.get("require") == "100rel", "for certain, and nothing about the media"
    update(stranger, told, 2, sdp("held", "sendonly"))
    assert (await stranger.response(500)).headers.get("retry-after") is not None
    assert changes.offers == []


async def test_a_caller_with_an_answer_that_arrives_for_certain_changes_the_call(bob: Line, stranger: Stranger) -> None:
    changes, told = await rings(bob, stranger, "Supported: 100rel")
    assert told.headers.get("require") == "100rel"
    update(stranger, told, 2, sdp("held", "sendonly"))
    assert (await stranger.response(200)).body.decode() == sdp("changed")
    assert changes.offers == [sdp("held", "sendonly")]


async def test_a_caller_who_wants_our_offer_makes_none_before_it(bob: Line, stranger: Stranger) -> None:
    changes, told = await rings(bob, stranger, body="")
    update(stranger, told, 2, sdp("theirs"))
    await stranger.response(491)
    assert changes.offers == []


async def test_a_refresh_before_the_answer_is_taken_as_ever(bob: Line, stranger: Stranger) -> None:
    changes, told = await rings(bob, stranger)
    update(stranger, told, 2, "")
    await stranger.response(200)
    assert changes.offers == []


@pytest.mark.parametrize("described", [True, False])
async def test_who_is_called_changes_what_it_has_described_alone(
    bob: Line, stranger: Stranger, described: bool
) -> None:
    """Its 183 need not arrive for certain: what it says next shows that it has agreed with itself by then, and many
    gateways without PRACK say it so."""
    attempt, invite = await call(bob, stranger)
    begun: list[Changes] = []
    attempt.outgoing.on_early_dialog = lambda dialog: begun.append(Changes(dialog))
    stranger.answer(invite, 183, sdp("early") if described else "")
    async with asyncio.timeout(5):
        while not begun:
            await asyncio.sleep(0.01)
    stranger.say(
        stranger.message(
            "UPDATE", "z9hG4bKu", to_tag=invite.from_.tag or "", from_tag="strange", cseq=2, body=sdp("other"),
            call=invite.call_id,
        )
    )  # fmt: skip
    await stranger.response(200 if described else 491)
    assert begun[0].offers == ([sdp("other")] if described else [])

"""The hold keys of desk phones, pressed faster than rows are written, or while they can't be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from kernel.errors import Unavailable
from merkez.telephony.v1 import call_pb2
from telephony.ops import parties as party_ops
from testkit import eventually

from .conftest import MUSIC_HZ, an_id
from .desk_phones import DeskPhone
from .scene import ANN_HZ, BEN_HZ, CUSTOMER_HZ, Scene, scene
from .test_phone_transfers import PHONE_HZ, SECOND_HZ, Talk, carrier, exchange, talk

__all__ = ["carrier", "exchange", "scene", "talk"]
pytestmark = pytest.mark.media


async def stands(talk: Talk, state: str) -> None:
    """The rows say so, and go on saying it when everything that was wished is done."""
    wanted = call_pb2.CallState.Value(f"CALL_STATE_{state}")

    async def so() -> bool:
        return (await talk.state()).state == wanted

    await eventually(so)
    (live,) = talk.exchange.switchboard.calls
    await eventually(lambda: not any(hold._at_work for hold in live.phone_holds.values()))
    assert await so()


@pytest.mark.parametrize("writing", [0.0, 0.3])
async def test_a_customer_held_and_taken_back_at_once_talks_however_slow_the_database_is(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, writing: float
) -> None:
    change = party_ops.change

    async def slow(*args: Any, **named: Any) -> Any:
        found = await change(*args, **named)
        await asyncio.sleep(writing)
        return found

    monkeypatch.setattr(party_ops, "change", slow)
    said = talk.phone.peer.describe()
    await talk.line.reinvite(talk.phone.peer.describe("sendonly"))
    await asyncio.sleep(writing * 2 / 3)
    talk.phone.peer.accept(await talk.line.reinvite(said))
    await stands(talk, "TALKING")
    talk.customer.forget()
    await talk.customer.hears(PHONE_HZ)


async def test_a_customer_taken_back_and_held_again_at_once_waits_with_music(talk: Talk) -> None:
    said = talk.phone.peer.describe()
    await talk.line.reinvite(talk.phone.peer.describe("sendonly"))
    await talk.customer.hears(MUSIC_HZ)
    talk.phone.peer.accept(await talk.line.reinvite(said))
    await talk.line.reinvite(talk.phone.peer.describe("sendonly"))
    await stands(talk, "HELD")
    talk.customer.forget()
    await talk.customer.hears(MUSIC_HZ)


async def test_a_hold_while_the_database_is_away_is_silence_at_once_and_music_when_it_is_back(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, away = talk.exchange.house.db, True
    run = db.run

    async def gone(*args: Any, **named: Any) -> Any:
        if away:
            raise Unavailable("the database can't be reached")
        return await run(*args, **named)

    monkeypatch.setattr(db, "run", gone)
    await talk.hold(talk.line, talk.phone.peer)
    await talk.customer.hears_nothing()
    await talk.hold(talk.line, talk.phone.peer, "sendrecv")
    await talk.customer.hears(PHONE_HZ)
    await talk.hold(talk.line, talk.phone.peer)
    away = False
    await talk.customer.hears(MUSIC_HZ)
    await stands(talk, "HELD")


async def test_the_line_taken_back_last_is_talked_on_also_where_who_was_asked_has_gone_meanwhile(
    talk: Talk, carrier: Any
) -> None:
    asked = await talk.ask()
    assert talk.second is not None
    await carrier.peer.hears(SECOND_HZ)
    await talk.hold(asked, talk.second)
    await asyncio.gather(talk.hold(talk.line, talk.phone.peer, "sendrecv"), carrier.dialogs[0].bye())
    await stands(talk, "TALKING")
    talk.customer.forget()
    await talk.customer.hears(PHONE_HZ)


async def test_a_phone_turns_to_the_customer_while_who_is_asked_still_rings(talk: Talk, carrier: Any) -> None:
    answer = asyncio.Event()

    async def later(invitation: Any) -> None:
        await invitation.ring()
        await answer.wait()
        await carrier.answer(invitation)

    carrier.behave = later
    dialled = await talk.begins_to_ask()
    await eventually(lambda: dialled.rang)
    await talk.hold(talk.line, talk.phone.peer, "sendrecv")
    await talk.customer.hears(PHONE_HZ)
    answer.set()
    asked = await dialled.outcome
    assert talk.second is not None
    await talk.hold(asked, talk.second)
    await carrier.peer.hears(MUSIC_HZ)
    await talk.hold(talk.line, talk.phone.peer)
    await talk.hold(asked, talk.second, "sendrecv")
    await asyncio.gather(carrier.peer.hears(SECOND_HZ), talk.customer.hears(MUSIC_HZ))


async def three_of_them(scene: Scene) -> tuple[str, DeskPhone]:
    """Ben, and the phone by which he is in a conference with Ann and the customer."""
    ben = an_id("usr")
    phone = await DeskPhone.signed_in(scene.exchange, ben, BEN_HZ)
    await scene.consult(ben)
    await phone.peer.hears(ANN_HZ)
    await scene.do("JoinCall")
    await scene.customer.hears_all(ANN_HZ, BEN_HZ)
    return ben, phone


async def test_one_phone_held_in_a_conference_takes_the_customer_from_nobody_until_all_others_have_left(
    scene: Scene,
) -> None:
    ben, phone = await three_of_them(scene)
    phone.peer.accept(await phone.dialogs[0].reinvite(phone.peer.describe("sendonly")))
    (live,) = scene.exchange.switchboard.calls
    await eventually(lambda: any(leg.agent_id == ben and leg.held for leg in live.legs))
    for peer, heard in ((scene.customer, ANN_HZ), (scene.ann, CUSTOMER_HZ)):
        peer.forget()
        await peer.hears_all(heard)
    await scene.do("LeaveCall")
    await scene.customer.hears(MUSIC_HZ)
    phone.peer.accept(await phone.dialogs[0].reinvite(phone.peer.describe()))
    await asyncio.gather(scene.customer.hears(BEN_HZ), phone.peer.hears(CUSTOMER_HZ))
    await phone.close()


async def test_nothing_waits_for_a_conference_that_ended_while_a_phone_held_it(scene: Scene) -> None:
    _, phone = await three_of_them(scene)
    await phone.dialogs[0].reinvite(phone.peer.describe("sendonly"))
    waits = "a phone holds a conference"
    await eventually(lambda: waits in {task.get_name() for task in asyncio.all_tasks()})
    await scene.do("HangUp")
    await eventually(lambda: not scene.exchange.switchboard.calls)
    await eventually(lambda: waits not in {task.get_name() for task in asyncio.all_tasks()}, deadline=5)
    await phone.close()

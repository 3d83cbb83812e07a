"""Callbacks over a real socket: who may, what repeats say, what another company sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import acting_for
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from merkez.routing.v1 import callback_pb2 as c
from merkez.routing.v1 import callback_rules_pb2 as rules_pb2
from merkez.routing.v1 import callback_service_pb2 as cs
from merkez.routing.v1 import contact_pb2, queue_pb2, queue_service_pb2
from routing.domain.callback_rules import CallbackRules, CallOrder
from routing.domain.contacts import ContactState
from routing.ops import offers as offer_ops
from routing.store import queues as queue_store

from .callers import NUMBER
from .conftest import Edge, Floor, as_, refused


def request(queue_id: str, request_id: str = "1", **changes: Any) -> cs.CreateCallbackRequest:
    return cs.CreateCallbackRequest(
        request_id=request_id, callback=c.Callback(queue_id=queue_id, number=NUMBER, **changes)
    )


async def calling(edge: Edge, floor: Floor) -> tuple[c.Callback, str]:
    """A callback that its agent has accepted."""
    queue, agent_id = await floor.queue(), await floor.agent()
    made = (await edge.callbacks.CreateCallback(request(queue.queue_id))).callback
    offer = await floor.match()
    assert offer is not None
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    return made, agent_id


async def test_agent_asks_for_a_callback_and_a_supervisor_looks_after_it(edge: Edge, floor: Floor) -> None:
    queue = await floor.queue()
    due = Timestamp()
    due.FromDatetime(floor.clock.now() + timedelta(hours=2))
    with as_("agent", floor):
        made = (await edge.callbacks.CreateCallback(request(queue.queue_id, due_time=due))).callback
        assert (made.state, made.due_time) == (c.CALLBACK_STATE_SCHEDULED, due)
        await refused(edge.callbacks.CancelCallback(cs.CancelCallbackRequest(callback_id=made.callback_id)), Forbidden)
    with as_("supervisor", floor):
        listed = await edge.callbacks.ListCallbacks(
            cs.ListCallbacksRequest(queue_id=queue.queue_id, states=[c.CALLBACK_STATE_SCHEDULED], number=NUMBER)
        )
        assert [each.callback_id for each in listed.callbacks] == [made.callback_id]
        empty = await edge.callbacks.ListCallbacks(cs.ListCallbacksRequest(states=[c.CALLBACK_STATE_FAILED]))
        assert list(empty.callbacks) == []
        local = cs.RescheduleCallbackRequest(
            callback_id=made.callback_id, local_due_time="2026-03-05T10:00", version=made.version
        )
        await refused(edge.callbacks.RescheduleCallback(local), InvalidInput, field="local_due_time")
        moved = await edge.callbacks.RescheduleCallback(
            cs.RescheduleCallbackRequest(callback_id=made.callback_id, version=made.version)
        )
        assert moved.state == c.CALLBACK_STATE_WAITING
        await refused(edge.callbacks.RescheduleCallback(
            cs.RescheduleCallbackRequest(callback_id=made.callback_id, version=made.version)
        ), Conflict, "VERSION_CONFLICT")  # fmt: skip
        gone = await edge.callbacks.CancelCallback(
            cs.CancelCallbackRequest(callback_id=made.callback_id, reason="solved")
        )
        assert (gone.state, gone.cancel_reason) == (c.CALLBACK_STATE_CANCELLED, "solved")
        read = await edge.callbacks.GetCallback(cs.GetCallbackRequest(callback_id=made.callback_id))
        assert read == gone


async def test_repeat_of_a_request_gets_the_first_answer(edge: Edge, floor: Floor) -> None:
    queue = await floor.queue()
    with as_("agent", floor):
        first = await edge.callbacks.CreateCallback(request(queue.queue_id))
        assert await edge.callbacks.CreateCallback(request(queue.queue_id)) == first
        again = await edge.callbacks.CreateCallback(request(queue.queue_id, "2"))
        assert (again.already_open, again.callback.callback_id) == (True, first.callback.callback_id)
        other = request(queue.queue_id, priority=3)
        await refused(edge.callbacks.CreateCallback(other), AlreadyExists, "REQUEST_ID_REUSED")
        await refused(edge.callbacks.CreateCallback(request(queue.queue_id, "")), InvalidInput)


async def test_customers_slot_is_read_on_their_own_clock(edge: Edge, floor: Floor) -> None:
    queue = await floor.queue()
    slot = request(queue.queue_id, time_zone="Asia/Baku")
    slot.local_due_time = "2026-03-03T14:30"
    with as_("supervisor", floor):
        made = (await edge.callbacks.CreateCallback(slot)).callback
    assert made.due_time.ToJsonString() == "2026-03-03T10:30:00Z"


async def test_callback_of_another_company_is_not_found(edge: Edge, floor: Floor, other_floor: Floor) -> None:
    queue = await floor.queue()
    with as_("owner", floor):
        made = (await edge.callbacks.CreateCallback(request(queue.queue_id))).callback
    with as_("owner", other_floor):
        for ask in (
            edge.callbacks.GetCallback(cs.GetCallbackRequest(callback_id=made.callback_id)),
            edge.callbacks.CancelCallback(cs.CancelCallbackRequest(callback_id=made.callback_id)),
            edge.callbacks.RescheduleCallback(cs.RescheduleCallbackRequest(callback_id=made.callback_id)),
        ):
            await refused(ask, NotFound, "CALLBACK_NOT_FOUND")
        await refused(edge.callbacks.CreateCallback(request(queue.queue_id)), NotFound, "QUEUE_NOT_FOUND")
        assert not (await edge.callbacks.ListCallbacks(cs.ListCallbacksRequest())).callbacks
    with acting_for(other_floor.tenant_id):
        dial = cs.GetCallbackDialRequest(contact_id=made.contact_id)
        await refused(edge.callbacks.GetCallbackDial(dial), NotFound, "CONTACT_NOT_FOUND")


async def test_service_is_told_how_to_call_and_its_call_is_the_contacts(edge: Edge, floor: Floor) -> None:
    with acting_for(floor.tenant_id):
        made, agent_id = await calling(edge, floor)
        dial = await edge.callbacks.GetCallbackDial(cs.GetCallbackDialRequest(contact_id=made.contact_id))
        assert (dial.callback_id, dial.number, dial.on_machine) == (
            made.callback_id, NUMBER, rules_pb2.CALLBACK_MACHINE_ACTION_HANG_UP,
        )  # fmt: skip
        call_id = new_id("call", floor.clock.now())
        begin = cs.BeginCallbackCallRequest(contact_id=made.contact_id, agent_id=agent_id, call_id=call_id)
        found = [await edge.callbacks.BeginCallbackCall(begin) for _ in range(2)]
        assert {each.call_id for each in found} == {call_id}
        fail = cs.FailCallbackCallRequest(contact_id=made.contact_id, agent_id=agent_id)
        assert (await edge.callbacks.FailCallbackCall(fail)).state == contact_pb2.CONTACT_STATE_ON_CONTACT
        await refused(
            edge.callbacks.GetCallbackDial(cs.GetCallbackDialRequest(contact_id=made.contact_id)),
            FailedPrecondition, "CALLBACK_STATE_CHANGED",
        )  # fmt: skip
    with as_("agent", floor, agent_id):
        await refused(edge.callbacks.BeginCallbackCall(begin), Forbidden)
        await refused(edge.callbacks.CancelCallback(cs.CancelCallbackRequest(callback_id=made.callback_id)), Forbidden)


async def test_service_tells_that_the_customer_answered_before_the_agent_was_asked(
    edge: Edge, floor: Floor, other_floor: Floor
) -> None:
    prompt_id = new_id("prm", floor.clock.now())
    rules = CallbackRules(order=CallOrder.CUSTOMER_FIRST, greeting_prompt_id=prompt_id)
    queue, agent_id = await floor.queue(callbacks=rules), await floor.agent()
    with acting_for(floor.tenant_id):
        made = (await edge.callbacks.CreateCallback(request(queue.queue_id))).callback
        assert made.order == rules_pb2.CALLBACK_ORDER_UNSPECIFIED
        assert await floor.match() is not None
        dial = await edge.callbacks.GetCallbackDial(cs.GetCallbackDialRequest(contact_id=made.contact_id))
        assert (dial.order, dial.ring_timeout) == (rules_pb2.CALLBACK_ORDER_CUSTOMER_FIRST, Duration(seconds=30))
        call_id = new_id("call", floor.clock.now())
        begin = cs.BeginCallbackCallRequest(contact_id=made.contact_id, agent_id=agent_id, call_id=call_id)
        begun = await edge.callbacks.BeginCallbackCall(begin)
        assert (begun.state, begun.call_id) == (contact_pb2.CONTACT_STATE_OFFERED, call_id)
        answer = cs.AnswerCallbackCallRequest(contact_id=made.contact_id, call_id=call_id)
        wrong = cs.AnswerCallbackCallRequest(contact_id=made.contact_id, call_id=new_id("call", floor.clock.now()))
        await refused(edge.callbacks.AnswerCallbackCall(wrong), FailedPrecondition, "CALLBACK_STATE_CHANGED")
        await refused(
            edge.callbacks.AnswerCallbackCall(cs.AnswerCallbackCallRequest(contact_id=made.contact_id)),
            InvalidInput, field="call_id",
        )  # fmt: skip
        found = [await edge.callbacks.AnswerCallbackCall(answer) for _ in range(2)]
        assert {(each.queue_id, each.greeting_prompt_id) for each in found} == {(queue.queue_id, prompt_id)}
        read = await edge.callbacks.GetCallback(cs.GetCallbackRequest(callback_id=made.callback_id))
        assert read.order == rules_pb2.CALLBACK_ORDER_CUSTOMER_FIRST and read.HasField("answer_time")
    with as_("agent", floor, agent_id):
        await refused(edge.callbacks.AnswerCallbackCall(answer), Forbidden)
    with acting_for(other_floor.tenant_id):
        await refused(edge.callbacks.AnswerCallbackCall(answer), NotFound, "CONTACT_NOT_FOUND")


async def test_flow_asks_whether_a_callback_is_offered(edge: Edge, floor: Floor) -> None:
    queue = await floor.queue()
    ask = cs.GetCallbackOfferRequest(queue_id=queue.queue_id)
    with acting_for(floor.tenant_id):
        found = await edge.callbacks.GetCallbackOffer(ask)
        assert found.offered and not found.HasField("expected_wait") and found.offer_over == Duration(seconds=120)
        ask.queue_id = new_id("que", floor.clock.now())
        await refused(edge.callbacks.GetCallbackOffer(ask), NotFound, "QUEUE_NOT_FOUND")


async def test_queue_keeps_its_rules_for_callbacks_and_refuses_what_can_not_work(edge: Edge, floor: Floor) -> None:
    with as_("admin", floor):
        rules = rules_pb2.CallbackRules(offer_over=Duration(seconds=0), attempts=5)
        made = await edge.queues.CreateQueue(
            queue_service_pb2.CreateQueueRequest(
                request_id="1", queue=queue_pb2.Queue(display_name="Sales", callbacks=rules)
            )
        )
        assert (made.callbacks.attempts, made.callbacks.offer_over) == (5, Duration(seconds=0))
        assert made.callbacks.retry_after == Duration(seconds=900)
        made.callbacks.business_hours_id = new_id("hrs", floor.clock.now())
        update = queue_service_pb2.UpdateQueueRequest(queue=made, update_mask=FieldMask(paths=["callbacks"]))
        await refused(edge.queues.UpdateQueue(update), NotFound, "BUSINESS_HOURS_NOT_FOUND")
        update.queue.callbacks.business_hours_id = ""
        update.queue.callbacks.order = rules_pb2.CALLBACK_ORDER_CUSTOMER_FIRST
        update.queue.callbacks.ring_timeout.seconds = 45
        kept = (await edge.queues.UpdateQueue(update)).callbacks
        assert (kept.order, kept.ring_timeout) == (rules_pb2.CALLBACK_ORDER_CUSTOMER_FIRST, Duration(seconds=45))
        update.queue.callbacks.order = 9  # pyright: ignore[reportAttributeAccessIssue]
        await refused(edge.queues.UpdateQueue(update), InvalidInput, field="queue.callbacks.order")
        update.queue.callbacks.order = rules_pb2.CALLBACK_ORDER_AGENT_FIRST
        update.queue.callbacks.attempts = 11
        await refused(edge.queues.UpdateQueue(update), InvalidInput, field="queue.callbacks.attempts")


async def test_attempt_that_could_never_be_made_is_refused_and_a_queue_from_before_can_still_be_renamed(
    edge: Edge, floor: Floor
) -> None:
    never = CallbackRules(attempts=10, retry_after=timedelta(days=1), time_to_live=timedelta(minutes=5))
    with pytest.raises(InvalidInput, match="must be longer than 777600 seconds") as error:
        await floor.queue(callbacks=never)
    assert [each.field for each in error.value.fields] == ["queue.callbacks.time_to_live"]
    just = CallbackRules(attempts=3, retry_after=timedelta(minutes=15), time_to_live=timedelta(minutes=30, seconds=1))
    queue = await floor.queue(callbacks=just)
    old = replace(queue, callbacks=never, version=2)
    await floor.desk.run(floor.tenant_id, lambda tx: queue_store.change_queue(tx, old, 1))
    with as_("admin", floor):
        held = await edge.queues.GetQueue(queue_service_pb2.GetQueueRequest(queue_id=queue.queue_id))
        held.display_name = "Loans"
        mask = FieldMask(paths=["display_name", "callbacks"])
        renamed = await edge.queues.UpdateQueue(queue_service_pb2.UpdateQueueRequest(queue=held, update_mask=mask))
        assert (renamed.display_name, renamed.callbacks.attempts) == ("Loans", 10)
        renamed.callbacks.attempts = 9
        update = queue_service_pb2.UpdateQueueRequest(queue=renamed, update_mask=mask)
        await refused(edge.queues.UpdateQueue(update), InvalidInput, field="queue.callbacks.time_to_live")


async def test_contact_of_kind_callback_is_made_by_callbacks_alone(edge: Edge, floor: Floor) -> None:
    from merkez.routing.v1 import contact_service_pb2

    contact = contact_pb2.Contact(
        channel=contact_pb2.CHANNEL_VOICE, queue_id=(await floor.queue()).queue_id,
        kind=contact_pb2.CONTACT_KIND_CALLBACK,
    )  # fmt: skip
    asked = contact_service_pb2.EnqueueContactRequest(request_id="1", contact=contact)
    with acting_for(floor.tenant_id):
        await refused(edge.contacts.EnqueueContact(asked), InvalidInput, field="contact.kind")


async def test_agent_takes_only_a_caller_with_that_number_out_of_the_line(edge: Edge, floor: Floor) -> None:
    queue, other = await floor.queue(open_to_all=False), await floor.queue("Other")
    waits = await floor.contact(queue.queue_id, caller_number="+994501112299")

    def asking(number: str) -> Any:
        wanted = c.Callback(queue_id=other.queue_id, number=number, previous_contact_id=waits.contact_id)
        return edge.callbacks.CreateCallback(cs.CreateCallbackRequest(request_id=number, callback=wanted))

    with as_("agent", floor):
        await refused(asking("+994501234567"), InvalidInput, field="callback.previous_contact_id")
        assert (await floor.look(waits)).state is ContactState.QUEUED
        await asking("+994501112299")
    assert (await floor.look(waits)).state is ContactState.ENDED

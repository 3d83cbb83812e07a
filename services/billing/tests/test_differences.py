"""Media, detail records and bills are compared; gaps are filled and what differs is listed with its cause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from billing.clients import Telephony
from billing.domain.differences import CallSeconds, Cause, UsageSeconds, WalletSeconds, differences
from billing.domain.plans import VOICE
from billing.domain.usage import EndedCall
from billing.handlers.differences import Differences
from billing.live.reconciler import Reconciler
from billing.ops import usage
from chassis.auth import acting_as
from chassis.instants import duration_out, time_out
from kernel.errors import Forbidden, InvalidInput, Unavailable
from kernel.tenant import PLATFORM
from merkez.billing.v1 import difference_pb2, difference_service_pb2
from merkez.billing.v1.difference_service_pb2_grpc import DifferenceServiceStub, add_DifferenceServiceServicer_to_server
from merkez.telephony.v1 import call_pb2, call_service_pb2, telephony_events_pb2
from merkez.telephony.v1.call_service_pb2_grpc import CallServiceServicer, add_CallServiceServicer_to_server
from testkit import RpcHouse, someone

from .conftest import MARCH, Ledger, call_fact, plan_fact

ask = difference_service_pb2
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Calls(CallServiceServicer):
    """Telephony's detail records, a page of two at a time."""

    def __init__(self) -> None:
        self.cdrs: list[call_pb2.Cdr] = []
        self.down = False

    async def ListCdrs(
        self, request: call_service_pb2.ListCdrsRequest, context: Any
    ) -> call_service_pb2.ListCdrsResponse:
        if self.down:
            raise Unavailable("telephony restarts")
        start = int(request.page_token or "0")
        begin, end = request.start_time.ToDatetime(), request.end_time.ToDatetime()
        inside = [each for each in self.cdrs if begin <= each.start_time.ToDatetime() < end]
        more = str(start + 2) if len(inside) > start + 2 else ""
        return call_service_pb2.ListCdrsResponse(cdrs=inside[start : start + 2], next_page_token=more)


class Books:
    """A tenant's calls as telephony and billing have them."""

    def __init__(self, ledger: Ledger, calls: Calls, stub: Any, reconciler: Reconciler) -> None:
        self.ledger, self.calls, self.stub, self.reconciler = ledger, calls, stub, reconciler

    def call(self, call_id: str, seconds: int = 60, start: datetime = MARCH, **fields: Any) -> call_pb2.Cdr:
        """A call that telephony has a record of."""
        length = timedelta(seconds=seconds)
        more: dict[str, Any] = {"end_cause": "NORMAL"} | fields
        cdr = call_pb2.Cdr(
            call_id=call_id, direction=call_pb2.DIRECTION_INBOUND, start_time=time_out(start), brand_id="brd_1",
            end_time=time_out(start + length), duration=duration_out(length), **more,
        )  # fmt: skip
        self.calls.cdrs.append(cdr)
        return cdr

    async def reconcile(self, start: datetime = MARCH, end: datetime = MARCH + HOUR) -> ask.ReconcileTenantResponse:
        """Compares now."""
        with acting_as(someone("operator", PLATFORM)):
            return await self.stub.ReconcileTenant(
                ask.ReconcileTenantRequest(
                    tenant_id=self.ledger.tenant, start_time=time_out(start), end_time=time_out(end)
                )
            )

    async def listed(self, **fields: Any) -> Sequence[difference_pb2.Difference]:
        """What is kept of this tenant."""
        with acting_as(someone("operator", PLATFORM)):
            answer = await self.stub.ListDifferences(ask.ListDifferencesRequest(tenant_id=self.ledger.tenant, **fields))
        return answer.differences


@pytest_asyncio.fixture
async def books(ledger: Ledger, rpc: RpcHouse) -> Books:
    calls = Calls()  # pyright: ignore[reportAbstractUsage]
    await rpc.serve("telephony", [(add_CallServiceServicer_to_server, calls)])
    reconciler = Reconciler(ledger.db, Telephony(rpc.peers("billing")))
    await rpc.serve("billing", [(add_DifferenceServiceServicer_to_server, Differences(ledger.db, reconciler))])
    await ledger.tell(plan_fact())
    return Books(ledger, calls, rpc.stub(DifferenceServiceStub, "billing"), reconciler)


def call(record: int = 60, **fields: Any) -> CallSeconds:
    """A call's record, the same everywhere unless told otherwise."""
    return CallSeconds(
        **(
            {"call_id": "c", "call_time": MARCH, "record": record, "media": record, "talk": record, "due": record}
            | fields
        )
    )


def used(seconds: int = 60, meter: str = VOICE, rated: bool = True) -> UsageSeconds:
    """Usage of that call."""
    return UsageSeconds("c", meter, MARCH, seconds, rated)


@pytest.mark.parametrize(
    ("calls", "usages", "wallets", "causes"),
    [
        ([call()], [used()], [], []),
        ([call()], [], [], [Cause.USAGE_MISSING]),
        ([call()], [used(), used(meter="other")], [], [Cause.USAGE_TWICE]),
        ([call()], [used(61)], [], [Cause.SECONDS_DIFFER]),
        ([call()], [used(rated=False)], [], [Cause.UNRATED]),
        ([call(due=40, talk=40)], [used(40)], [], []),
        ([call(due=40, talk=40)], [used()], [], [Cause.SECONDS_DIFFER]),
        ([call(free=True)], [], [], []),
        ([call(free=True)], [used()], [], [Cause.REFUSED_BILLED]),
        ([], [used()], [], [Cause.RECORD_MISSING]),
        ([call(media=70)], [used()], [], [Cause.MEDIA_DIFFERS]),
        ([call()], [used()], [WalletSeconds("c", MARCH, 60, True)], []),
        ([call()], [used()], [WalletSeconds("c", MARCH, 66, True)], [Cause.WALLET_DIFFERS]),
        ([call(1)], [used(1)], [WalletSeconds("c", MARCH, 0, True, 0)], []),
        ([call()], [used()], [WalletSeconds("c", MARCH, 30, False)], [Cause.STILL_OPEN]),
    ],
)
def test_each_difference_has_its_cause(
    calls: list[CallSeconds], usages: list[UsageSeconds], wallets: list[WalletSeconds], causes: list[Cause]
) -> None:
    assert [each.cause for each in differences(calls, usages, wallets)] == causes


async def test_what_is_mended_after_a_day_is_resolved_by_itself(books: Books) -> None:
    wrong = books.call("call_1", 70)
    await books.ledger.tell(call_fact("call_1", 60, MARCH))
    assert [each.cause for each in (await books.reconcile()).differences]
    books.ledger.clock.advance(timedelta(days=1) / timedelta(seconds=1))
    await books.reconciler.look()
    assert len(await books.listed(state=difference_pb2.DIFFERENCE_STATE_OPEN)) == 1, "it still differs"
    books.calls.cdrs.remove(wrong)
    books.call("call_1", 60)
    await books.reconciler.look()
    assert not await books.listed(state=difference_pb2.DIFFERENCE_STATE_OPEN)


async def test_call_whose_fact_never_came_is_billed_from_its_record(books: Books) -> None:
    for number in range(5):
        books.call(f"call_{number}", 31)
    await books.ledger.tell(call_fact("call_0", 31, MARCH))
    made = await books.reconcile()
    assert (made.call_count, made.healed_count, list(made.differences)) == (5, 4, [])
    assert [each.billed_seconds for each in await books.ledger.usage()] == [36] * 5
    assert (await books.reconcile()).healed_count == 0
    await books.ledger.tell(call_fact("call_1", 31, MARCH))  # and the fact comes after all
    assert len(await books.ledger.usage()) == 5


async def test_calls_out_are_billed_by_their_talk_and_reconciled_by_it(books: Books) -> None:
    """25 s of ringing and 35 s of talk; and one that nobody answered, of which there is nothing to bill."""
    out = call_pb2.DIRECTION_OUTBOUND
    for call_id in ("call_heard", "call_lost"):
        cdr = books.call(call_id, 60)
        cdr.direction, cdr.answer_time.seconds = out, int(MARCH.timestamp()) + 25
    rang = books.call("call_rang", 25, end_cause="NO_ANSWER")
    rang.direction = out
    for cdr in books.calls.cdrs:
        if cdr.call_id != "call_lost":
            await books.ledger.tell(telephony_events_pb2.CallEnded(cdr=cdr))
    made = await books.reconcile()
    assert (made.call_count, made.healed_count, list(made.differences)) == (3, 1, [])
    assert sorted((each.source_id, each.used_seconds) for each in await books.ledger.usage()) == [
        ("call_heard", 35), ("call_lost", 35),
    ]  # fmt: skip


async def test_other_seconds_stay_listed_until_they_are_gone(books: Books) -> None:
    cdr = books.call("call_1", 60)
    await books.ledger.tell(call_fact("call_1", 70, MARCH))
    [difference] = (await books.reconcile()).differences
    assert (difference.cause, difference.record_seconds, difference.billed_seconds) == (
        difference_pb2.DIFFERENCE_CAUSE_SECONDS_DIFFER, 60, 70,
    )  # fmt: skip
    [kept] = await books.listed(state=difference_pb2.DIFFERENCE_STATE_OPEN)
    assert kept.call_id == "call_1"
    books.calls.cdrs.remove(cdr)
    books.call("call_1", 70)
    assert not (await books.reconcile()).differences
    [kept] = await books.listed()
    assert kept.state == difference_pb2.DIFFERENCE_STATE_RESOLVED


async def test_call_that_ended_just_now_is_left_to_its_facts(books: Books) -> None:
    now = books.ledger.clock.now()
    books.call("call_1", 60, now - MINUTE)
    await books.ledger.tell(call_fact("call_2", 60, now - MINUTE))
    books.call("call_2", 60, now - MINUTE)
    made = await books.reconcile(now - HOUR, now + HOUR)
    assert (made.call_count, made.healed_count, len(made.differences)) == (0, 0, 0)


async def test_every_tenant_is_looked_at_and_one_without_telephony_is_left_for_later(
    books: Books, rpc: RpcHouse
) -> None:
    books.call("call_1", 60, books.ledger.clock.now() - HOUR)
    reconciler = Reconciler(books.ledger.db, Telephony(rpc.peers("billing")))
    await reconciler.look()
    assert len(await books.ledger.usage()) == 1
    books.calls.down = True
    await reconciler.look()
    with pytest.raises(Unavailable):
        await books.reconcile()


async def test_differences_are_for_operators_and_intervals_are_checked(books: Books) -> None:
    with acting_as(someone("owner", books.ledger.tenant)), pytest.raises(Forbidden):
        await books.stub.ListDifferences(ask.ListDifferencesRequest())
    for start, end in ((MARCH, MARCH), (MARCH, MARCH + timedelta(days=32))):
        with pytest.raises(InvalidInput) as refused:
            await books.reconcile(start, end)
        assert refused.value.reason == "RANGE_INVALID"


async def test_usage_without_a_record_is_listed(books: Books) -> None:
    call = EndedCall(VOICE, "call_9", "brd_1", MARCH, 60)
    await books.ledger.db.run(books.ledger.tenant, lambda tx: usage.rate_ended_call(tx, call, MARCH))
    [difference] = (await books.reconcile()).differences
    assert difference.cause == difference_pb2.DIFFERENCE_CAUSE_RECORD_MISSING

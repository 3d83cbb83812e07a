"""Asks the carrier what port orders, emergency addresses and port-outs wait for, and hands its answers to the verbs.

Between two transactions stands one question to the carrier, which may be asked twice: it is the same question then,
with the same key. A carrier that is away costs the order that asked a later try, and the others of this round nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from chassis.sealing import Seal
from chassis.sql import Database
from chassis.telemetry import log

from tenancy.carriers.port import Carrier, CarrierAway, CarrierRefused, File, OutRequest, Submission
from tenancy.domain.port_orders import PortOrder
from tenancy.domain.porting import Lane, PortState, Standing
from tenancy.ops import emergency, port_outs, port_work
from tenancy.ops.port_outs import Asked
from tenancy.ops.port_work import Worker
from tenancy.ops.porting import Orders

PORTING_EVERY_SECONDS = 5.0
OUTS_EVERY_SECONDS = 60.0
_AT_ONCE = 50
_AWAY = 3
"""So many orders in a row that find the carrier away end a round."""


@dataclass(frozen=True)
class Carriage:
    """How this platform moves numbers: the key that seals orders, its carrier if it has one, the key of the carrier's
    webhooks (empty: none are expected), and for how many days numbers rest that were given back."""

    seal: Seal
    carrier: Carrier | None = None
    webhook_key: Callable[[], bytes] = bytes
    quarantine_days: int = 45


class Porter:
    """Works with one carrier for every tenant."""

    def __init__(self, db: Database, carrier: Carrier, seal: Seal) -> None:
        self._db = db
        self._carrier = carrier
        self._orders = Orders(seal)
        self._worker = Worker(self._orders)

    async def work_due(self) -> None:
        """Whatever is due now."""
        now = self._db.clock.now()
        away = 0
        for tenant_id, order_id in await self._db.system(lambda tx: port_work.due(tx, now, _AT_ONCE), read_only=True):
            away = away + 1 if await self._order(tenant_id, order_id) else 0
            if away == _AWAY:
                return
        for tenant_id, address_id in await self._db.system(lambda tx: emergency.due(tx, now, _AT_ONCE), read_only=True):
            await self._address(tenant_id, address_id)

    async def work_outs(self) -> None:
        """Hears what other carriers ask for, and tells them what was answered."""
        now = self._db.clock.now()
        for tenant_id, out_id in await self._db.system(lambda tx: port_outs.untold(tx, now, _AT_ONCE), read_only=True):
            await self._tell(tenant_id, out_id)
        try:
            requests = await self._carrier.out_requests()
        except CarrierAway as error:
            log.warning("the carrier could not be asked for port-outs", why=str(error))
            return
        for each in requests:
            await self._hear(each)

    async def _order(self, tenant_id: str, order_id: str) -> bool:
        """Whether the carrier was away."""
        now = self._db.clock.now()
        order, lanes = await self._db.run(tenant_id, lambda tx: self._worker.begin(tx, order_id, now))
        try:
            if any(each.state is PortState.PORTABILITY_CHECK for each in lanes):
                verdicts = await self._carrier.check_portability(order.texts)
                await self._write(tenant_id, lambda tx, at: self._worker.checked(tx, order_id, verdicts, at))
            for lane in lanes:
                if lane.submission:
                    await self._lane(tenant_id, order, lane)
        except CarrierAway as error:
            log.warning("the carrier is away", port_order_id=order_id, why=str(error))
            await self._write(tenant_id, lambda tx, at: self._worker.away(tx, order_id, lanes, at))
            return True
        except Exception:
            # One order that can't be worked on must not stop the others; its lease runs out and it is tried again.
            log.exception("a port order could not be worked on", port_order_id=order_id)
        return False

    async def _lane(self, tenant_id: str, order: PortOrder, lane: Lane) -> None:
        order_id, carrier_ref = order.port_order_id, lane.carrier_ref
        try:
            if not carrier_ref:
                # Also when it is to be cancelled: it may have been sent off and the answer lost.
                carrier_ref = await self._carrier.submit(await self._submission(tenant_id, order, lane))
                await self._write(tenant_id, lambda tx, at: self._worker.taken(tx, order_id, lane, carrier_ref, at))
            if lane.cancel_asked:
                await self._cancel(tenant_id, order_id, lane, carrier_ref)
                return
            if not lane.carrier_ref:
                return
            standing = await self._carrier.status(carrier_ref)
        except CarrierRefused as error:
            standing = Standing("REFUSED", exception=error.reason, note=error.note)
            if lane.cancel_asked:
                await self._write(tenant_id, lambda tx, at: self._worker.cancelled(tx, order_id, lane, "", at))
                return
        await self._write(tenant_id, lambda tx, at: self._worker.stands(tx, order_id, lane, standing, at))

    async def _cancel(self, tenant_id: str, order_id: str, lane: Lane, carrier_ref: str) -> None:
        refusal = ""
        try:
            await self._carrier.cancel(carrier_ref)
        except CarrierRefused as error:
            refusal = error.note or error.reason
        await self._write(tenant_id, lambda tx, at: self._worker.cancelled(tx, order_id, lane, refusal, at))

    async def _submission(self, tenant_id: str, order: PortOrder, lane: Lane) -> Submission:
        files: list[File] = []
        for each in order.documents:
            document, content = await self._db.run(
                tenant_id,
                lambda tx, each=each: self._orders.read_document(tx, order.port_order_id, each.port_document_id),
                read_only=True,
            )
            files.append(File(document.kind, document.file_name, document.media_type, content))
        if order.wanted_date is None:
            raise ValueError("an order without a day was sent off")
        key = f"{order.port_order_id}-{lane.channel.lower()}-{lane.submission}"
        return Submission(key, lane.channel, order.texts, order.details, order.wanted_date, tuple(files), lane.replaces)

    async def _address(self, tenant_id: str, address_id: str) -> None:
        now = self._db.clock.now()
        asked = await self._db.run(tenant_id, lambda tx: emergency.claim(tx, address_id, now))
        if asked is None:
            return
        try:
            problem = await self._carrier.judge_address(asked.civic)
        except CarrierRefused as error:
            problem = error.note or error.reason
        except CarrierAway as error:
            log.warning("an emergency address could not be judged", why=str(error))
            await self._write(tenant_id, lambda tx, at: emergency.ask_again(tx, asked, at))
            return
        await self._write(tenant_id, lambda tx, at: emergency.judge(tx, asked, problem, at))

    async def _hear(self, request: OutRequest) -> None:
        known = await self._db.system(lambda tx: port_outs.known_tenant(tx, request.carrier_ref), read_only=True)
        if not known:
            if request.state != "REQUESTED":
                return
            owners = await self._db.system(lambda tx: port_outs.owners(tx, request.numbers), read_only=True)
            if len(owners) != 1 or "" in owners:
                await self._answer(request.carrier_ref, False, "the numbers are not all of one customer of ours")
                return
            known = owners.pop()
        asked = Asked(
            request.carrier_ref, request.numbers, request.gaining_carrier, request.state, request.answer_until
        )
        await self._write(known, lambda tx, at: port_outs.heard(tx, asked, at))

    async def _tell(self, tenant_id: str, out_id: str) -> None:
        now = self._db.clock.now()
        out = await self._db.run(tenant_id, lambda tx: port_outs.to_tell(tx, out_id, now))
        if out is None:
            return
        if await self._answer(out.carrier_ref, out.state == "CONFIRMED", out.refusal):
            await self._write(tenant_id, lambda tx, _: port_outs.told(tx, out_id, out.state))

    async def _answer(self, carrier_ref: str, agreed: bool, reason: str) -> bool:
        try:
            await self._carrier.answer_out(carrier_ref, agreed, reason)
        except CarrierAway as error:
            log.warning("a port-out could not be answered", why=str(error))
            return False
        except CarrierRefused as error:
            log.error("the carrier doesn't take the answer to a port-out", carrier_ref=carrier_ref, why=str(error))
        return True

    async def _write(self, tenant_id: str, verb: Callable[..., Awaitable[object]]) -> None:
        now: datetime = self._db.clock.now()
        await self._db.run(tenant_id, lambda tx: verb(tx, now))

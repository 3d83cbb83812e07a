"""Runs what is due: drafts of periods that ended, finalizing, falling due, reminders, charging, export. At every
replica: each step is one transaction that finds out for itself whether it is still to be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chassis.telemetry import counter, log
from kernel.errors import DomainError

from billing.domain.dunning import Stage
from billing.domain.invoicing import InvoiceTooYoung
from billing.domain.parties import NoLegalEntity
from billing.live.line_traces import trace_lines
from billing.live.rating import Rating
from billing.ops import invoicing, paying, resales, wholesale
from billing.ops.statements import NothingSubscribed
from billing.store import invoicing as store

EVERY_SECONDS = 30
_stuck = counter("merkez.billing.sweep_failures", "Steps of the invoice run that failed and will be tried again")


@dataclass(frozen=True)
class Rules:
    """When things are due."""

    grace: timedelta
    """How long after a period's end late usage is waited for before its invoice is finalized."""
    settle: timedelta
    """Longer than any transaction lasts: see `ops.invoicing.finalize`."""
    schedule: tuple[Stage, ...]
    thresholds: dict[str, Decimal]


class Sweeper:
    """The invoice run. `charge` asks the payment provider for an invoice; None when there is none."""

    def __init__(
        self,
        rating: Rating,
        rules: Rules,
        charge: Callable[[str, str], Awaitable[Any]] | None = None,
        export: Callable[[], Awaitable[Any]] | None = None,
    ) -> None:
        self._rating = rating
        self._db = rating.db
        self._rules = rules
        self._charge = charge
        self._export = export

    async def sweep(self) -> None:
        """All steps once, by the database's clock."""
        now = self._db.clock.now()
        await self.draft(now)
        await self.draft_resold(now)
        await self.finalize(now)
        await self.fall_due(now)
        await self.remind(now)
        if self._export is not None:
            await self._export()

    async def draft(self, now: datetime) -> None:
        """Makes the drafts of all periods that have ended."""
        while found := await self._db.system(store.without_account, read_only=True):
            done = [await self._step(each, "look ahead", invoicing.look_ahead) for each in found]
            if not all(done):
                break
        after = ""
        while found := await self._find(store.periods_over, now, after):
            for tenant_id in found:
                while await self._rated_step(tenant_id, "draft", invoicing.draft_next, now):
                    pass  # a company that nobody looked at for months gets an invoice for each of them
            after = found[-1]

    async def draft_resold(self, now: datetime) -> None:
        """Makes the drafts of what resellers owe for their companies."""
        for reseller_id in await self._find(resales.resellers):
            while await self._rated_step(reseller_id, "draft resold", wholesale.draft_next, now, self._rules.settle):
                pass

    async def finalize(self, now: datetime) -> None:
        """Finalizes drafts whose grace is over, and asks the payment provider for what is owed."""
        ended_by = now - max(self._rules.grace, self._rules.settle)
        after = None
        while found := await self._find(store.drafts_over, ended_by, after):
            for each in found:
                step = (each.invoice_id, now, self._rules.settle, 0)
                done = await self._rated_step(each.tenant_id, "finalize", invoicing.finalize, *step)
                if done is not None:
                    await trace_lines(self._rating, each.tenant_id, each.invoice_id)
                if done is not None and done.owed > 0:
                    await self._ask(each.tenant_id, each.invoice_id)
            after = found[-1]

    async def fall_due(self, now: datetime) -> None:
        """Makes overdue what wasn't paid in time."""
        after = None
        while found := await self._find(store.fallen_due, now, after):
            for each in found:
                await self._step(each.tenant_id, "fall due", invoicing.fall_due, each.invoice_id, now)
            after = found[-1]

    async def remind(self, now: datetime) -> None:
        """Takes the reminding of everybody who owes on, and tries to charge them again."""
        after, rules = "", self._rules
        while found := await self._find(store.overdue_tenants, after):
            for tenant_id in found:
                told = await self._step(tenant_id, "remind", paying.remind, rules.schedule, rules.thresholds, now)
                for invoice in told or ():
                    await self._ask(tenant_id, invoice.invoice_id)
            after = found[-1]

    async def _ask(self, tenant_id: str, invoice_id: str) -> None:
        if self._charge is not None:
            await self._charge(tenant_id, invoice_id)

    async def _find(self, query: Callable[..., Awaitable[Any]], *values: Any) -> Any:
        return await self._db.system(lambda tx: query(tx, *values), read_only=True)

    async def _step(self, tenant_id: str, name: str, verb: Callable[..., Awaitable[Any]], *values: Any) -> Any:
        return await self._rated_step(tenant_id, name, lambda tx, *rest: verb(tx, *rest[:-1]), *values)

    async def _rated_step(self, tenant_id: str, name: str, verb: Callable[..., Awaitable[Any]], *values: Any) -> Any:
        # What fails for one company is tried again with the next sweep, and the others don't wait for it.
        try:
            return await self._rating.run(tenant_id, lambda tx, decks: verb(tx, *values, decks))
        except (NothingSubscribed, NoLegalEntity, InvoiceTooYoung) as error:
            log.info("invoice run waits", step=name, tenant_id=tenant_id, reason=error.reason)
        except DomainError as error:
            _stuck.add(1)
            log.warning("invoice run failed", step=name, tenant_id=tenant_id, reason=error.reason)
        return None

"""What the tests of the bus tell and hear facts with."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from chassis.bus import Bus, FactMeta
from chassis.facts import DEAD_STREAM
from chassis.sql import Database, Tx
from merkez.routing.v1.routing_events_pb2 import OfferMade
from nats.errors import Error as NatsError


class Inbox:
    """A consumer's handlers that note what they worked."""

    def __init__(self) -> None:
        self.worked: list[tuple[str, str]] = []
        self.metas: list[FactMeta] = []

    async def made(self, tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        tx.after_commit(lambda: (self.worked.append((meta.key, fact.offer.offer_id)), self.metas.append(meta)))

    def of(self, key: str) -> list[str]:
        return [value for found, value in self.worked if found == key]


async def emit(db: Database, tenant: str, key: str, *values: str) -> None:
    async def work(tx: Tx) -> None:
        for value in values:
            tx.emit(OfferMade(offer={"offer_id": value}), key=key)  # type: ignore[arg-type]

    await db.run(tenant, work)


async def outbox(db: Database) -> list[Any]:
    return list(await db.system(lambda tx: tx.all(sa.select(db.standard.outbox))))


async def dead_letters(bus: Bus, tenant: str, name: str) -> Any:
    try:
        return await bus.jetstream.get_last_msg(DEAD_STREAM, f"dead.{tenant}.{name}")
    except NatsError:
        return None

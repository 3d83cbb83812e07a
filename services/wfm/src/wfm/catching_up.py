"""Asks routing for what facts told before wfm kept it: whose agents may help a queue. A fact tells it again only when
somebody changes the queue, which may be never."""

from __future__ import annotations

from chassis.sql import Database
from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from kernel.errors import DomainError

from wfm import convert
from wfm.clients import Routing
from wfm.ops import history

EVERY_SECONDS = 60.0


async def catch_up(db: Database, routing: Routing) -> None:
    """Every tenant of which it isn't known, at every replica: what is known by then stays as it is. A tenant that can't
    be asked now is asked again."""
    for tenant_id in await db.system(history.tenants_without_helpers, read_only=True):
        try:
            queues = await routing.queues(tenant_id)
        except (DomainError, RemoteFailed, TimeoutError) as error:
            log.warning("queues could not be asked for", tenant_id=tenant_id, reason=type(error).__name__)
            continue
        helpers = {each.queue_id: convert.helpers_in(each) for each in queues}
        await db.run(tenant_id, lambda tx, found=helpers: history.learn_helpers(tx, found))

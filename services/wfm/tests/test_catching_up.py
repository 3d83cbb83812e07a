"""What facts told before wfm kept it is asked for, once."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from kernel.errors import Unavailable
from merkez.routing.v1 import queue_pb2, queue_service_pb2, queue_service_pb2_grpc, routing_events_pb2
from sqlalchemy import null, update
from testkit import RpcHouse
from wfm.catching_up import catch_up
from wfm.clients import Routing
from wfm.store import history
from wfm.store.tables import queues

from .conftest import Planning


def helped(queue_id: str, by: str, version: int = 1) -> queue_pb2.Queue:
    """A queue that agents of another may serve after half a minute."""
    made = queue_pb2.Queue(queue_id=queue_id, display_name="Front desk", version=version)
    step = made.rules.steps.add()
    step.after_wait.FromSeconds(30)
    step.changes.add(also_queue_id=by)
    return made


class Queues(queue_service_pb2_grpc.QueueServiceServicer):
    """Routing with these queues, one on a page."""

    def __init__(self, *found: queue_pb2.Queue) -> None:
        self.found = found
        self.asked: list[str] = []
        self.away = False

    async def ListQueues(self, request: Any, context: Any) -> queue_service_pb2.ListQueuesResponse:
        if self.away:
            raise Unavailable("away")
        self.asked.append(principal().tenant_id)
        at = int(request.page_token or 0)
        more = str(at + 1) if at + 1 < len(self.found) else ""
        return queue_service_pb2.ListQueuesResponse(queues=self.found[at : at + 1], next_page_token=more)


async def known(planning: Planning) -> dict[str, list[tuple[str, int]]]:
    return await planning.db.run(planning.tenant, history.queue_helpers)


async def test_queues_of_before_an_upgrade_are_asked_for_until_routing_answers_and_then_no_more(
    planning: Planning, rpc: RpcHouse
) -> None:
    first, second, third = [await planning.queue() for _ in range(3)]

    async def as_before(tx: Any) -> None:
        mine = queues.c.tenant_id == tx.tenant_id
        await tx.execute(update(queues).where(mine, queues.c.queue_id != third).values(helpers=null()))

    await planning.db.run(planning.tenant, as_before)
    told = (helped(first, second), queue_pb2.Queue(queue_id=third), helped(second, first))
    routing = Queues(*told)  # pyright: ignore[reportAbstractUsage]
    await rpc.serve("routing", [(queue_service_pb2_grpc.add_QueueServiceServicer_to_server, routing)])
    client = Routing(rpc.peers("wfm"))
    routing.away = True
    await catch_up(planning.db, client)
    assert await known(planning) == {first: [], second: [], third: []}
    # A fact that comes meanwhile knows better than what is asked.
    await planning.tell(routing_events_pb2.QueueChanged(queue=helped(second, third, version=2)))
    routing.away = False
    await catch_up(planning.db, client)
    assert await known(planning) == {first: [(second, 30)], second: [(third, 30)], third: []}
    assert routing.asked.count(planning.tenant) == 3
    await catch_up(planning.db, client)
    assert routing.asked.count(planning.tenant) == 3

"""QueueService, SkillService and DispositionService."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token, page_size
from google.protobuf.empty_pb2 import Empty
from kernel.ids import require_id
from merkez.routing.v1 import queue_pb2, queue_service_pb2
from merkez.routing.v1.queue_service_pb2_grpc import (
    DispositionServiceServicer,
    QueueServiceServicer,
    SkillServiceServicer,
)

from routing import convert
from routing.domain.queues import Queue
from routing.handlers.asking import Asked, page
from routing.ledger import Ledger
from routing.ops import queues as ops
from routing.ops.standing import queue_standing

_CHANGEABLE = (
    "display_name", "required_skills", "offer_timeout", "wrap_up_duration", "disposition_required",
    "service_level_threshold", "short_abandon_threshold", "disposition_ids", "open_to_all", "auto_accept", "rules",
    "business_hours_id", "overflow", "callbacks", "wrap_up_mode", "wrap_up_extension", "missed_offer_return",
)  # fmt: skip


class QueueServicer(Asked, QueueServiceServicer):
    """Queues."""

    async def CreateQueue(self, request: queue_service_pb2.CreateQueueRequest, context: Any) -> queue_pb2.Queue:
        draft = convert.queue_from_proto(request.queue)
        await self._require_prompts(draft)

        async def create(tx: Ledger) -> queue_pb2.Queue:
            return await _shown(tx, await ops.create_queue(tx, draft, self._desk.clock.now()))

        return await self._once("CreateQueue", request, queue_pb2.Queue, create)

    async def GetQueue(self, request: queue_service_pb2.GetQueueRequest, context: Any) -> queue_pb2.Queue:
        queue_id = require_id("que", request.queue_id, "queue_id")

        async def read(tx: Ledger) -> queue_pb2.Queue:
            return await _shown(tx, await ops.get_queue(tx, queue_id))

        return await self._run(read, read_only=True)

    async def GetQueueStanding(
        self, request: queue_service_pb2.GetQueueStandingRequest, context: Any
    ) -> queue_service_pb2.QueueStanding:
        queue_id, now = require_id("que", request.queue_id, "queue_id"), self._desk.clock.now()
        found = await self._run(lambda tx: queue_standing(tx, queue_id, now), read_only=True)
        made = queue_service_pb2.QueueStanding(
            waiting=found.waiting, agents=found.agents, free=found.free, closed=found.closed, holiday=found.holiday
        )
        if found.expected is not None:
            made.expected_wait.FromTimedelta(found.expected)
        return made

    async def ListQueues(
        self, request: queue_service_pb2.ListQueuesRequest, context: Any
    ) -> queue_service_pb2.ListQueuesResponse:
        size = page_size(request.page_size)

        async def read(tx: Ledger) -> queue_service_pb2.ListQueuesResponse:
            rows = await ops.list_queues(tx, size, request.page_token)
            listed, token = page(rows, size, lambda each: encode_token(each.create_time, each.queue_id))
            names = await ops.skill_names_for(tx, listed)
            shown = [convert.queue_to_proto(queue, names) for queue in listed]
            return queue_service_pb2.ListQueuesResponse(queues=shown, next_page_token=token)

        return await self._run(read, read_only=True)

    async def UpdateQueue(self, request: queue_service_pb2.UpdateQueueRequest, context: Any) -> queue_pb2.Queue:
        queue_id = require_id("que", request.queue.queue_id, "queue.queue_id")
        fields = convert.masked(request.update_mask, request.queue, _CHANGEABLE)
        draft = convert.queue_from_proto(request.queue)
        changes = {name: getattr(draft, name) for name in fields}
        now = self._desk.clock.now()
        if "callbacks" in fields:
            before = await self._run(lambda tx: ops.get_queue(tx, queue_id), read_only=True)
            await self._require_prompts(draft, before)

        async def update(tx: Ledger) -> queue_pb2.Queue:
            return await _shown(tx, await ops.update_queue(tx, queue_id, changes, request.version, now))

        return await self._run(update)

    async def DeleteQueue(self, request: queue_service_pb2.DeleteQueueRequest, context: Any) -> Empty:
        queue_id = require_id("que", request.queue_id, "queue_id")
        now = self._desk.clock.now()
        if self._desk.flows is not None:
            await self._desk.flows.require_queue_unused(principal().tenant_id, queue_id)
        await self._run(lambda tx: ops.delete_queue(tx, queue_id, now))
        return Empty()

    async def _require_prompts(self, queue: Queue, before: Queue | None = None) -> None:
        """Refuse prompts that calls back would play and that are not there. What was named before stays."""
        if self._desk.flows is None:
            return
        named, known = _prompts(queue), _prompts(before) if before else {}
        changed = {field: prompt_id for field, prompt_id in named.items() if prompt_id != known.get(field)}
        await self._desk.flows.require_prompts(principal().tenant_id, changed)


def _prompts(queue: Queue) -> dict[str, str]:
    rules = queue.callbacks
    return {
        "queue.callbacks.message_prompt_id": rules.message_prompt_id,
        "queue.callbacks.greeting_prompt_id": rules.greeting_prompt_id,
    }


class SkillServicer(Asked, SkillServiceServicer):
    """Skills."""

    async def CreateSkill(self, request: queue_service_pb2.CreateSkillRequest, context: Any) -> queue_pb2.Skill:
        async def create(tx: Ledger) -> queue_pb2.Skill:
            now = self._desk.clock.now()
            return convert.skill_to_proto(await ops.create_skill(tx, request.skill.display_name, now))

        return await self._once("CreateSkill", request, queue_pb2.Skill, create)

    async def ListSkills(
        self, request: queue_service_pb2.ListSkillsRequest, context: Any
    ) -> queue_service_pb2.ListSkillsResponse:
        size = page_size(request.page_size)
        rows = await self._run(lambda tx: ops.list_skills(tx, size, request.page_token), read_only=True)
        listed, token = page(rows, size, lambda each: encode_token(each.create_time, each.skill_id))
        return queue_service_pb2.ListSkillsResponse(skills=map(convert.skill_to_proto, listed), next_page_token=token)

    async def DeleteSkill(self, request: queue_service_pb2.DeleteSkillRequest, context: Any) -> Empty:
        skill_id = require_id("skl", request.skill_id, "skill_id")
        if self._desk.flows is not None:
            await self._desk.flows.require_skill_unused(principal().tenant_id, skill_id)
        await self._run(lambda tx: ops.delete_skill(tx, skill_id))
        return Empty()


class DispositionServicer(Asked, DispositionServiceServicer):
    """Dispositions."""

    async def CreateDisposition(
        self, request: queue_service_pb2.CreateDispositionRequest, context: Any
    ) -> queue_pb2.Disposition:
        async def create(tx: Ledger) -> queue_pb2.Disposition:
            now = self._desk.clock.now()
            made = await ops.create_disposition(tx, request.disposition.display_name, now)
            return convert.disposition_to_proto(made)

        return await self._once("CreateDisposition", request, queue_pb2.Disposition, create)

    async def ListDispositions(
        self, request: queue_service_pb2.ListDispositionsRequest, context: Any
    ) -> queue_service_pb2.ListDispositionsResponse:
        size = page_size(request.page_size)
        rows = await self._run(lambda tx: ops.list_dispositions(tx, size, request.page_token), read_only=True)
        listed, token = page(rows, size, lambda each: encode_token(each.create_time, each.disposition_id))
        return queue_service_pb2.ListDispositionsResponse(
            dispositions=map(convert.disposition_to_proto, listed), next_page_token=token
        )

    async def DeleteDisposition(self, request: queue_service_pb2.DeleteDispositionRequest, context: Any) -> Empty:
        disposition_id = require_id("dsp", request.disposition_id, "disposition_id")
        await self._run(lambda tx: ops.delete_disposition(tx, disposition_id))
        return Empty()


async def _shown(tx: Ledger, queue: Queue) -> queue_pb2.Queue:
    return convert.queue_to_proto(queue, await ops.skill_names_for(tx, [queue]))

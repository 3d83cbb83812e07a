"""FlowService."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token, page_size
from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from kernel.clock import Clock
from kernel.errors import InvalidInput, Unavailable
from kernel.ids import require_id, require_request_id
from merkez.flows.v1 import flow_pb2, flow_service_pb2, flow_service_pb2_grpc

from flows.clients import Routing
from flows.convert import flows as convert
from flows.domain import templates, validation
from flows.domain.definitions import Definition
from flows.domain.expectations import FlowTest
from flows.domain.flows import MAX_DEFINITION_BYTES, Flow, FlowNotFound, ReleaseNotFound, VersionConflict
from flows.domain.names import Noun, by_skill_ids, skills_by_name
from flows.domain.validation import References
from flows.handlers.worlds import Worlds
from flows.number_clients import Numbers
from flows.ops import flow_tests as test_ops
from flows.ops import flows as ops
from flows.ops.callers import Asked, Caller, callers_of
from flows.ops.flow_tests import Tried

_CHECKS = 3
_UPDATABLE = {"display_name", "draft", "layout"}


class FlowServicer(flow_service_pb2_grpc.FlowServiceServicer):
    """Editing, checking and publishing flows."""

    def __init__(
        self, db: Database, routing: Routing, numbers: Numbers, clock: Clock, *, allow_loopback: bool = False
    ):  # fmt: skip
        self._db = db
        self._numbers = numbers
        self._routing = routing
        self._clock = clock
        self._allow_loopback = allow_loopback
        self._worlds = Worlds(db, routing)

    async def ListTemplates(self, request: Any, context: Any) -> flow_service_pb2.ListTemplatesResponse:
        return flow_service_pb2.ListTemplatesResponse(
            templates=[convert.to_template(template) for template in templates.TEMPLATES]
        )

    async def CreateFlow(self, request: flow_service_pb2.CreateFlowRequest, context: Any) -> flow_pb2.Flow:
        who = principal()
        draft, layout = await self._by_skill_ids(self._first_draft(request)), convert.layout_from(request.flow)
        known = await self._references(draft) if request.publish else None

        async def create(tx: Any) -> flow_pb2.Flow:
            async def once() -> flow_pb2.Flow:
                name, now = request.flow.display_name, self._clock.now()
                return convert.to_flow(await ops.create_flow(tx, name, draft, layout, known, who.subject, now))

            require_request_id(request.request_id)
            return await tx.once(request.request_id, "CreateFlow", request, flow_pb2.Flow, once)

        return await self._db.run(who.tenant_id, create)

    async def GetFlow(self, request: flow_service_pb2.GetFlowRequest, context: Any) -> flow_pb2.Flow:
        flow_id = require_id("flw", request.flow_id, "flow_id")
        return convert.to_flow(
            await self._db.run(principal().tenant_id, lambda tx: ops.get_flow(tx, flow_id), read_only=True)
        )

    async def ListFlows(
        self, request: flow_service_pb2.ListFlowsRequest, context: Any
    ) -> flow_service_pb2.ListFlowsResponse:
        size = page_size(request.page_size)
        found = await self._db.run(
            principal().tenant_id, lambda tx: ops.list_flows(tx, request.page_token, size), read_only=True
        )
        page = found[:size]
        token = encode_token(page[-1].create_time, page[-1].flow_id) if len(found) > size else ""
        return flow_service_pb2.ListFlowsResponse(flows=[convert.to_flow(flow) for flow in page], next_page_token=token)

    async def UpdateFlow(self, request: flow_service_pb2.UpdateFlowRequest, context: Any) -> flow_pb2.Flow:
        flow_id = require_id("flw", request.flow.flow_id, "flow.flow_id")
        paths = set(request.update_mask.paths)
        if paths - _UPDATABLE:
            raise InvalidInput.of("update_mask", "may hold display_name, draft and layout, the last two always whole")
        if not paths:
            paths = {field.name for field, _ in request.flow.ListFields()} & _UPDATABLE
        if "draft" in paths:
            require_small(request.flow.draft)
        draft = convert.definition_from(request.flow.draft) if "draft" in paths else None
        change = ops.Change(
            flow_id=flow_id,
            display_name=request.flow.display_name if "display_name" in paths else None,
            draft=await self._by_skill_ids(draft) if draft is not None else None,
            layout=convert.layout_from(request.flow) if "layout" in paths else None,
            version=request.version,
        )
        return convert.to_flow(
            await self._db.run(principal().tenant_id, lambda tx: ops.update_flow(tx, change, self._clock.now()))
        )

    async def DeleteFlow(self, request: flow_service_pb2.DeleteFlowRequest, context: Any) -> Empty:
        flow_id = require_id("flw", request.flow_id, "flow_id")
        tenant_id = principal().tenant_id
        await self._numbers.require_none(tenant_id, flow_id)
        await self._db.run(tenant_id, lambda tx: ops.delete_flow(tx, flow_id, self._clock.now()))
        return Empty()

    async def ValidateFlow(
        self, request: flow_service_pb2.ValidateFlowRequest, context: Any
    ) -> flow_service_pb2.ValidateFlowResponse:
        tenant_id = principal().tenant_id
        flow_id = require_id("flw", request.flow_id, "flow_id")
        flow = await self._db.run(tenant_id, lambda tx: ops.get_flow(tx, flow_id), read_only=True)
        definition = flow.draft
        if request.HasField("definition"):
            require_small(request.definition)
            definition = convert.definition_from(request.definition)
        known = await self._references(definition)
        problems = await self._db.run(
            tenant_id, lambda tx: ops.problems(tx, definition, known, flow_id), read_only=True
        )
        return flow_service_pb2.ValidateFlowResponse(
            problems=[convert.to_problem(problem) for problem in problems],
            valid=validation.valid(problems),
        )

    async def PublishFlow(self, request: flow_service_pb2.PublishFlowRequest, context: Any) -> flow_pb2.Release:
        who = principal()
        flow_id = require_id("flw", request.flow_id, "flow_id")
        require_request_id(request.request_id)
        for attempt in range(_CHECKS):
            known, checked, tried, asked = await self._checked_draft(who.tenant_id, flow_id)

            async def publish(
                tx: Any, known: References = known, checked: int = checked, tried: Tried = tried, asked: Asked = asked
            ) -> flow_pb2.Release:
                async def once() -> flow_pb2.Release:
                    return convert.to_release(
                        await ops.publish_flow(
                            tx, flow_id, request.version, checked, known, who.subject, request.comment, tried, asked,
                            self._clock.now(),
                        )
                    )  # fmt: skip

                return await tx.once(request.request_id, "PublishFlow", request, flow_pb2.Release, once)

            try:
                return await self._db.run(who.tenant_id, publish)
            except VersionConflict:
                # Somebody saved the draft between the check and the publishing: check what is there now.
                if request.version or attempt == _CHECKS - 1:
                    raise
        raise AssertionError("unreachable")

    async def RollBackFlow(self, request: flow_service_pb2.RollBackFlowRequest, context: Any) -> flow_pb2.Release:
        who = principal()
        flow_id = require_id("flw", request.flow_id, "flow_id")
        release_id = require_id("rel", request.release_id, "release_id")
        require_request_id(request.request_id)
        for attempt in range(_CHECKS):
            known, verdict = await self._checked_release(who.tenant_id, flow_id, release_id, request.in_spite_of_tests)

            async def roll_back(
                tx: Any, known: References = known, verdict: tuple[Tried, Asked] | None = verdict
            ) -> flow_pb2.Release:
                async def once() -> flow_pb2.Release:
                    return convert.to_release(
                        await ops.roll_back_flow(
                            tx, flow_id, release_id, known, who.subject, verdict, self._clock.now()
                        )
                    )  # fmt: skip

                return await tx.once(request.request_id, "RollBackFlow", request, flow_pb2.Release, once)

            try:
                return await self._db.run(who.tenant_id, roll_back)
            except VersionConflict:
                # Tests, or flows that lead here, changed while they were run: run what is there now.
                if attempt == _CHECKS - 1:
                    raise
        raise AssertionError("unreachable")

    async def ListFlowUses(
        self, request: flow_service_pb2.ListFlowUsesRequest, context: Any
    ) -> flow_service_pb2.ListFlowUsesResponse:
        kinds = {
            "queue_id": (Noun.QUEUE, "que"), "business_hours_id": (Noun.HOURS, "hrs"),
            "skill_id": (Noun.SKILL, "skl"),
        }  # fmt: skip
        named = request.WhichOneof("named")
        if named is None:
            raise InvalidInput.of("queue_id", "business_hours_id or skill_id must say what is named")
        noun, prefix = kinds[named]
        value = require_id(prefix, getattr(request, named), named)
        found = await self._db.run(principal().tenant_id, lambda tx: ops.list_uses(tx, noun, value), read_only=True)
        return flow_service_pb2.ListFlowUsesResponse(
            uses=[
                flow_service_pb2.FlowUse(flow_id=each.flow_id, display_name=each.display_name, step_ids=each.step_ids)
                for each in found
            ]
        )

    async def ListReleases(
        self, request: flow_service_pb2.ListReleasesRequest, context: Any
    ) -> flow_service_pb2.ListReleasesResponse:
        flow_id = require_id("flw", request.flow_id, "flow_id")
        size = page_size(request.page_size)
        found = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_releases(tx, flow_id, request.page_token, size),
            read_only=True,
        )
        page = found[:size]
        token = encode_token(page[-1].create_time, page[-1].release_id) if len(found) > size else ""
        return flow_service_pb2.ListReleasesResponse(
            releases=[convert.to_release(release) for release in page], next_page_token=token
        )

    async def _by_skill_ids(self, draft: Definition) -> Definition:
        """The draft as it is kept: by ids. While routing can't be asked names stay, and publishing sees to them."""
        if not skills_by_name(draft):
            return draft
        try:
            names = await self._routing.names({Noun.SKILL})
        except Unavailable:
            return draft
        return by_skill_ids(draft, names.by_id[Noun.SKILL])

    def _first_draft(self, request: flow_service_pb2.CreateFlowRequest) -> Definition:
        require_small(request.flow.draft)
        if not request.template_id:
            if request.parameters:
                raise InvalidInput.of("parameters", "belong to a template: name one in template_id")
            return convert.definition_from(request.flow.draft)
        if request.flow.draft.steps:
            raise InvalidInput.of("flow.draft", "must be empty when a template is named")
        language = request.flow.draft.language
        return templates.build(request.template_id, dict(request.parameters), language)

    async def _checked_draft(self, tenant_id: str, flow_id: str) -> tuple[References, int, Tried, Asked]:
        async def look(tx: Any) -> tuple[Flow, list[FlowTest], list[Caller]]:
            flow = await ops.get_flow(tx, flow_id)
            return flow, await test_ops.list_tests(tx, flow_id), await callers_of(tx, flow_id, flow.draft)

        try:
            flow, tests, callers = await self._db.run(tenant_id, look, read_only=True)
        except FlowNotFound:
            # Said by the verb: a repeated request of a flow that was deleted since still gets its first answer.
            return References(), 0, Tried(), Asked()
        tried, asked = await self._verdict(tenant_id, flow.draft, tests, callers)
        return await self._references(flow.draft), flow.version, tried, asked

    async def _checked_release(
        self, tenant_id: str, flow_id: str, release_id: str, in_spite_of_tests: bool
    ) -> tuple[References, tuple[Tried, Asked] | None]:
        async def look(tx: Any) -> tuple[Definition, list[FlowTest], list[Caller]]:
            old = (await ops.get_release(tx, release_id)).definition
            if in_spite_of_tests:
                return old, [], []
            return old, await test_ops.list_tests(tx, flow_id), await callers_of(tx, flow_id, old)

        try:
            old, tests, callers = await self._db.run(tenant_id, look, read_only=True)
        except (FlowNotFound, ReleaseNotFound):
            return References(), None
        verdict = None if in_spite_of_tests else await self._verdict(tenant_id, old, tests, callers)
        return await self._references(old), verdict

    async def _verdict(
        self, tenant_id: str, definition: Definition, tests: list[FlowTest], callers: list[Caller]
    ) -> tuple[Tried, Asked]:
        results = await self._worlds.test(tenant_id, definition, tests)
        tried = Tried(tests, [each for each in results if not each.passed])
        return tried, await self._worlds.ask(tenant_id, callers)

    async def _references(self, definition: Definition) -> References:
        return await self._routing.references(definition, allow_loopback=self._allow_loopback)


def require_small(definition: Message) -> None:
    """Refuse a definition that is bigger than a draft may be."""
    if definition.ByteSize() > MAX_DEFINITION_BYTES:
        raise InvalidInput.of("draft", "is bigger than 512 kB")

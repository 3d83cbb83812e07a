"""FlowCodeService."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from chassis.auth import principal
from chassis.sql import Database
from kernel.clock import Clock
from kernel.errors import InvalidInput, Unavailable
from kernel.ids import require_id, require_request_id
from merkez.flows.v1 import flow_code_service_pb2 as pb
from merkez.flows.v1 import flow_code_service_pb2_grpc

from flows import yaml_text
from flows.clients import Routing
from flows.convert import code as convert
from flows.convert import flows as convert_flows
from flows.domain import names as domain_names
from flows.domain import validation
from flows.domain.code_in import FlowFile, Node, read_flow
from flows.domain.code_out import not_portable, write_flow
from flows.domain.definitions import Definition, Problem, Severity
from flows.domain.flows import NamesUnavailable
from flows.domain.names import Names, Noun
from flows.handlers.flows import require_small
from flows.ops import code as ops


class FlowCodeServicer(flow_code_service_pb2_grpc.FlowCodeServiceServicer):
    """Flows as files, and what differs between two."""

    def __init__(self, db: Database, routing: Routing, clock: Clock, *, allow_loopback: bool = False):
        self._db = db
        self._routing = routing
        self._clock = clock
        self._allow_loopback = allow_loopback

    async def ExportFlow(self, request: pb.ExportFlowRequest, context: Any) -> pb.ExportFlowResponse:
        flow_id = require_id("flw", request.flow_id, "flow_id")
        require_number(request.release_number, "release_number")
        found = await self._db.run(
            principal().tenant_id, lambda tx: ops.get_to_write(tx, flow_id, request.release_number), read_only=True
        )
        names = await self._names(domain_names.nouns(found.definition))
        tree = write_flow(found.flow.display_name, found.definition, names, found.tests)
        return pb.ExportFlowResponse(
            yaml=await asyncio.to_thread(yaml_text.write, tree),
            problems=[convert_flows.to_problem(each) for each in not_portable(found.definition, names)],
        )

    async def ImportFlow(self, request: pb.ImportFlowRequest, context: Any) -> pb.ImportFlowResponse:
        tenant_id = principal().tenant_id
        flow_id = require_id("flw", request.flow_id, "flow_id") if request.flow_id else ""
        file, names = await self._read(request.yaml)
        if file.problems and request.dry_run:
            return pb.ImportFlowResponse(problems=[convert_flows.to_problem(each) for each in file.problems])
        draft = convert_flows.to_definition(file.definition)
        require_small(draft)
        known = await self._routing.references(file.definition, allow_loopback=self._allow_loopback)
        if request.dry_run:
            return _to_response(
                await self._db.run(
                    tenant_id,
                    lambda tx: ops.try_import(tx, flow_id, request.version, file, known, names),
                    read_only=True,
                )
            )
        require_request_id(request.request_id)

        async def take(tx: Any) -> pb.ImportFlowResponse:
            async def once() -> pb.ImportFlowResponse:
                now = self._clock.now()
                return _to_response(await ops.import_flow(tx, flow_id, request.version, file, known, names, now))

            return await tx.once(request.request_id, "ImportFlow", request, pb.ImportFlowResponse, once)

        return await self._db.run(tenant_id, take)

    async def DiffFlow(self, request: pb.DiffFlowRequest, context: Any) -> pb.DiffFlowResponse:
        flow_id = require_id("flw", request.flow_id, "flow_id")
        require_number(request.before_number, "before_number")
        require_number(request.after_number, "after_number")
        before, after = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.get_pair(tx, flow_id, request.before_number, request.after_number),
            read_only=True,
        )
        definition = after.definition
        if request.HasField("definition"):
            if request.after_number:
                raise InvalidInput.of("after_number", "must be 0 when a definition is sent")
            require_small(request.definition)
            definition = convert_flows.definition_from(request.definition)
        names = await self._names(domain_names.nouns(before.definition, definition), or_ids=True)
        diff = ops.compare(before.definition, definition, names)
        return pb.DiffFlowResponse(diff=convert.to_diff(diff), before_number=before.number, after_number=after.number)

    async def _read(self, yaml: str) -> tuple[FlowFile, Names]:
        try:
            root = await asyncio.to_thread(yaml_text.read, yaml)
        except yaml_text.YamlRefused as error:
            wrong = Problem("", "", Severity.ERROR, "YAML_INVALID", error.message, error.line)
            return FlowFile("", Definition(), [wrong]), Names()
        return await self._with_names(root)

    async def _with_names(self, root: Node) -> tuple[FlowFile, Names]:
        # Read once to know whose names are in it, and then with them.
        named = read_flow(root, Names()).nouns
        names = await self._names(named)
        return read_flow(root, names), names

    async def _names(self, nouns: Collection[Noun], *, or_ids: bool = False) -> Names:
        own = await self._db.run(principal().tenant_id, ops.own_names, read_only=True)
        try:
            return own.together(await self._routing.names(nouns))
        except Unavailable as error:
            if or_ids:
                return own
            message = "Routing can't be asked for the names of queues, skills, hours and agents: try again in a moment."
            raise NamesUnavailable(message) from error


def require_number(number: int, field: str) -> None:
    """Refuse what is no release's number."""
    if number < 0:
        raise InvalidInput.of(field, "must be a release's number, or 0")


def _to_response(made: ops.Imported) -> pb.ImportFlowResponse:
    flow = convert_flows.to_flow(made.flow)
    if not made.flow.flow_id:
        flow.ClearField("create_time")
        flow.ClearField("update_time")
    return pb.ImportFlowResponse(
        flow=flow,
        problems=[convert_flows.to_problem(each) for each in made.problems],
        changes=convert.to_diff(made.diff, made.tests),
        valid=validation.valid(made.problems),
    )

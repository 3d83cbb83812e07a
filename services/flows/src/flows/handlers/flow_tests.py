"""FlowTestService."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chassis.auth import principal
from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from kernel.clock import Clock
from kernel.errors import InvalidInput
from kernel.ids import require_id, require_request_id
from merkez.flows.v1 import flow_pb2, flow_test_service_pb2_grpc, simulation_pb2
from merkez.flows.v1 import flow_test_service_pb2 as pb

from flows.convert import flows as convert_flows
from flows.convert import simulation as convert
from flows.domain.definitions import Definition
from flows.domain.expectations import Case, expectation_of
from flows.handlers.code import require_number
from flows.handlers.flows import require_small
from flows.handlers.worlds import Worlds
from flows.ops import code as code_ops
from flows.ops import flow_tests as ops
from flows.ops.callers import Asked, callers_of


class FlowTestServicer(flow_test_service_pb2_grpc.FlowTestServiceServicer):
    """Trying flows out, and keeping what was tried."""

    def __init__(self, db: Database, worlds: Worlds, clock: Clock):
        self._db = db
        self._worlds = worlds
        self._clock = clock

    async def SimulateFlow(self, request: pb.SimulateFlowRequest, context: Any) -> simulation_pb2.Simulation:
        scenario, inputs = convert.run_from(request.scenario, request.inputs)
        definition = await self._wanted(request)
        found = await self._worlds.simulate(principal().tenant_id, definition, scenario, inputs)
        return convert.to_simulation(found)

    async def CreateFlowTest(self, request: pb.CreateFlowTestRequest, context: Any) -> simulation_pb2.FlowTest:
        flow_id = require_id("flw", request.test.flow_id, "test.flow_id")
        require_request_id(request.request_id)
        case = convert.case_from(request.test)
        if not request.test.HasField("expectation"):
            case = await self._as_it_is(flow_id, case)

        async def create(tx: Any) -> simulation_pb2.FlowTest:
            async def once() -> simulation_pb2.FlowTest:
                return convert.to_test(await ops.create_test(tx, flow_id, case, self._clock.now()))

            return await tx.once(request.request_id, "CreateFlowTest", request, simulation_pb2.FlowTest, once)

        return await self._db.run(principal().tenant_id, create)

    async def ListFlowTests(self, request: pb.ListFlowTestsRequest, context: Any) -> pb.ListFlowTestsResponse:
        flow_id = require_id("flw", request.flow_id, "flow_id")
        found = await self._db.run(principal().tenant_id, lambda tx: ops.list_tests(tx, flow_id), read_only=True)
        return pb.ListFlowTestsResponse(tests=[convert.to_test(test) for test in found])

    async def UpdateFlowTest(self, request: pb.UpdateFlowTestRequest, context: Any) -> simulation_pb2.FlowTest:
        test_id = require_id("tst", request.test.test_id, "test.test_id")
        case = convert.case_from(request.test)
        return convert.to_test(
            await self._db.run(
                principal().tenant_id,
                lambda tx: ops.update_test(tx, test_id, case, request.version, self._clock.now()),
            )
        )

    async def DeleteFlowTest(self, request: pb.DeleteFlowTestRequest, context: Any) -> Empty:
        test_id = require_id("tst", request.test_id, "test_id")
        await self._db.run(principal().tenant_id, lambda tx: ops.delete_test(tx, test_id))
        return Empty()

    async def RunFlowTests(self, request: pb.RunFlowTestsRequest, context: Any) -> pb.RunFlowTestsResponse:
        tenant_id = principal().tenant_id
        definition = await self._wanted(request)
        tests = await self._db.run(tenant_id, lambda tx: ops.list_tests(tx, request.flow_id), read_only=True)
        results = await self._worlds.test(tenant_id, definition, tests)
        asked = Asked()
        if not request.release_number:
            callers = await self._db.run(
                tenant_id, lambda tx: callers_of(tx, request.flow_id, definition), read_only=True
            )
            asked = await self._worlds.ask(tenant_id, callers)
        return pb.RunFlowTestsResponse(
            results=[convert.to_result(each) for each in results],
            passed=all(each.passed for each in results) and not asked.failed,
            failed_callers=[
                pb.CallerTestResult(flow_id=each.test.flow_id, display_name=name, result=convert.to_result(each))
                for name, each in asked.failed
            ],
        )

    async def _wanted(self, request: pb.SimulateFlowRequest | pb.RunFlowTestsRequest) -> Definition:
        """The draft, a release by its number, or what was sent along."""
        flow_id = require_id("flw", request.flow_id, "flow_id")
        require_number(request.release_number, "release_number")
        found = await self._db.run(
            principal().tenant_id,
            lambda tx: code_ops.get_version(tx, flow_id, request.release_number),
            read_only=True,
        )
        if not request.HasField("definition"):
            return found.definition
        if request.release_number:
            raise InvalidInput.of("release_number", "must be 0 when a definition is sent")
        return _definition(request.definition)

    async def _as_it_is(self, flow_id: str, case: Case) -> Case:
        tenant_id = principal().tenant_id
        found = await self._db.run(tenant_id, lambda tx: code_ops.get_version(tx, flow_id, 0), read_only=True)
        came = await self._worlds.simulate(tenant_id, found.definition, case.scenario, case.inputs)
        return replace(case, expectation=expectation_of(came))


def _definition(message: flow_pb2.Definition) -> Definition:
    require_small(message)
    return convert_flows.definition_from(message)

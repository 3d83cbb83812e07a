"""Simulations and tests of flows between the contract's messages and the domain."""

from __future__ import annotations

from chassis.instants import duration_in, duration_out, time_in, time_out
from kernel.errors import InvalidInput
from merkez.flows.v1 import simulation_pb2 as pb

from flows.convert.channels import channel_from, channel_to
from flows.domain import scenarios
from flows.domain.definitions import LANGUAGES
from flows.domain.expectations import Case, Expectation, FlowTest, Result, expectation_of
from flows.domain.flows import MAX_NAME, require_text
from flows.domain.scenarios import Input, Kind, Scenario
from flows.domain.simulation import Simulation, Visit

_ENUMS = {
    Kind.QUEUE: (pb.QueueOutcome, "QUEUE_OUTCOME_"),
    Kind.TRANSFER: (pb.TransferOutcome, "TRANSFER_OUTCOME_"),
    Kind.VOICEMAIL: (pb.VoicemailOutcome, "VOICEMAIL_OUTCOME_"),
    Kind.HOURS: (pb.HoursOutcome, "HOURS_OUTCOME_"),
    Kind.CALLBACK: (pb.CallbackOutcome, "CALLBACK_OUTCOME_"),
}


def scenario_from(message: pb.Scenario) -> Scenario:
    """The call to pretend."""
    return Scenario(
        message.caller_number, message.caller_name, message.dialed_number, message.brand_name, message.language,
        time_in(message, "time"), dict(message.attributes), channel_from(message.channel, "scenario.channel"),
    )  # fmt: skip


def input_from(message: pb.SimulationInput) -> Input:
    """One thing that happens; `scenarios.check` says whether it can."""
    kind = message.WhichOneof("happens") or ""
    value = ""
    if kind in _ENUMS:
        enum, prefix = _ENUMS[Kind(kind)]
        number = getattr(message, kind)
        value = enum.Name(number).removeprefix(prefix).lower() if number in enum.values() else str(number)
    elif kind == Kind.HANG_UP:
        kind = kind if message.hang_up else ""
    elif kind:
        value = getattr(message, kind)
    return Input(kind, value, message.position, duration_in(message, "expected_wait"), duration_in(message, "duration"))


def run_from(scenario: pb.Scenario, inputs: object, place: str = "") -> tuple[Scenario, tuple[Input, ...]]:
    """Scenario and inputs that make sense. InvalidInput naming every field that doesn't."""
    made = scenario_from(scenario), tuple(input_from(each) for each in inputs)  # pyright: ignore[reportGeneralTypeIssues]
    wrong = scenarios.check(*made)
    if scenario.language and scenario.language not in LANGUAGES:
        raise InvalidInput.of(f"{place}scenario.language", f"must be one of {', '.join(LANGUAGES)}, or empty")
    if wrong:
        raise InvalidInput(f"{place}{wrong[0].field} {wrong[0].description}", fields=wrong)
    return made


def case_from(test: pb.FlowTest) -> Case:
    """A test to keep. InvalidInput naming the field that makes no sense."""
    name = require_text(test.display_name, "test.display_name", MAX_NAME)
    scenario, inputs = run_from(test.scenario, test.inputs, "test.")
    return Case(name, scenario, inputs, expectation_from(test.expectation))


def expectation_from(message: pb.Expectation) -> Expectation:
    """What should come of it."""
    return Expectation(tuple(message.path), dict(message.attributes), message.end)


def to_expectation(expectation: Expectation) -> pb.Expectation:
    """An expectation as clients read it."""
    return pb.Expectation(path=expectation.path, attributes=dict(expectation.attributes), end=expectation.end)


def to_simulation(simulation: Simulation) -> pb.Simulation:
    """A simulation as clients read it."""
    made = pb.Simulation(
        visits=[_to_visit(visit) for visit in simulation.visits],
        end=simulation.end.lower(),
        elapsed=duration_out(simulation.elapsed),
        expectation=to_expectation(expectation_of(simulation)),
    )
    wrong, waiting = simulation.mismatch, simulation.waiting
    if wrong is not None:
        made.mismatch.CopyFrom(pb.Mismatch(index=wrong.index, message=wrong.message))
    if waiting is not None:
        made.waiting.CopyFrom(
            pb.Waiting(
                step_id=waiting.step_id,
                kinds=waiting.kinds,
                outcomes=waiting.outcomes,
                min_digits=waiting.min_digits,
                max_digits=waiting.max_digits,
                terminator=waiting.terminator,
                method=waiting.method,
                url=waiting.url,
                body=waiting.body,
                phrases=waiting.phrases,
            )
        )
    return made


def _to_visit(visit: Visit) -> pb.Visit:
    heard = [pb.Heard(text=each.text, prompt_id=each.prompt_id, language=each.language) for each in visit.heard]
    return pb.Visit(
        step_id=visit.step_id,
        flow_id=visit.flow_id,
        heard=heard,
        outcomes=visit.outcomes,
        attributes=dict(visit.attributes),
        inputs=visit.inputs,
    )


def _to_input(given: Input) -> pb.SimulationInput:
    made = pb.SimulationInput(
        position=given.position,
        expected_wait=duration_out(given.expected_wait),
        duration=duration_out(given.duration),
    )
    if given.kind in _ENUMS:
        enum, prefix = _ENUMS[Kind(given.kind)]
        setattr(made, given.kind, enum.Value(prefix + given.value.upper()))
    elif given.kind == Kind.HANG_UP:
        made.hang_up = True
    elif given.kind:
        setattr(made, given.kind, given.value)
    return made


def to_test(test: FlowTest) -> pb.FlowTest:
    """A test as clients read it."""
    scenario = test.case.scenario
    return pb.FlowTest(
        test_id=test.test_id,
        flow_id=test.flow_id,
        display_name=test.case.display_name,
        scenario=pb.Scenario(
            caller_number=scenario.caller_number,
            caller_name=scenario.caller_name,
            dialed_number=scenario.dialed_number,
            brand_name=scenario.brand_name,
            language=scenario.language,
            time=time_out(scenario.time),
            attributes=dict(scenario.attributes),
            channel=channel_to(scenario.channel),
        ),
        inputs=[_to_input(each) for each in test.case.inputs],
        expectation=to_expectation(test.case.expectation),
        create_time=time_out(test.create_time),
        update_time=time_out(test.update_time),
        version=test.version,
    )


def to_result(result: Result) -> pb.FlowTestResult:
    """What a test came to, as clients read it."""
    return pb.FlowTestResult(
        test=to_test(result.test),
        passed=result.passed,
        differences=[
            pb.TestDifference(
                step_id=each.step_id,
                field=each.field,
                expected=each.expected,
                actual=each.actual,
                message=each.message,
            )
            for each in result.differences
        ],
        actual=to_expectation(result.actual),
    )

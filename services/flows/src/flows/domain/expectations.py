"""Saved runs of a flow as its tests: the same scenario again, and what is different now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kernel.errors import FailedPrecondition, FieldViolation, NotFound

from flows.domain.definitions import Definition, Hours
from flows.domain.scenarios import Input, Scenario
from flows.domain.simulation import Simulation, World, simulate

MAX_TESTS = 100
"""Of one flow: publishing runs them all."""


MAX_TESTS_SIZE = 400_000
"""Characters of all tests of a flow together, so that its file can be read again."""


class FlowTestNotFound(NotFound):
    """No such test."""

    reason = "FLOW_TEST_NOT_FOUND"


class TooManyFlowTests(FailedPrecondition):
    """The flow has as many tests as one can have."""

    reason = "TOO_MANY_FLOW_TESTS"


class FlowTestNameTaken(FailedPrecondition):
    """Another test of the flow has this name."""

    reason = "FLOW_TEST_NAME_TAKEN"


@dataclass(frozen=True)
class Expectation:
    """What should come of it: the steps in the order they are entered, attributes (others don't matter), the end."""

    path: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    end: str = ""


@dataclass(frozen=True)
class Case:
    """A test as it is written down."""

    display_name: str = ""
    scenario: Scenario = field(default_factory=Scenario)
    inputs: tuple[Input, ...] = ()
    expectation: Expectation = field(default_factory=Expectation)


@dataclass(frozen=True)
class FlowTest:
    """A test that is kept with its flow."""

    test_id: str
    flow_id: str
    case: Case
    create_time: datetime
    update_time: datetime
    version: int


@dataclass(frozen=True)
class Difference:
    """One thing that came otherwise. `field` is input, path, attributes[name] or end; the step is where it shows."""

    step_id: str
    field: str
    expected: str
    actual: str
    message: str


@dataclass(frozen=True)
class Result:
    """What a test came to. It passed without differences; `actual` is what would be expected if this is right."""

    test: FlowTest
    differences: tuple[Difference, ...]
    actual: Expectation

    @property
    def passed(self) -> bool:
        """Whether all came as expected."""
        return not self.differences


class FlowTestsFailed(FailedPrecondition):
    """Tests of the flow don't pass with the draft, so it isn't published."""

    reason = "FLOW_TESTS_FAILED"

    def __init__(self, failed: Sequence[Result]):
        name = failed[0].test.case.display_name
        first = failed[0].differences[0]
        more = f" ({len(failed) - 1} more tests failed)" if len(failed) > 1 else ""
        super().__init__(
            f"test {name!r}: {first.message}{more}",
            metadata={"failed": str(len(failed)), "test_id": failed[0].test.test_id, "step_id": first.step_id},
            fields=[
                FieldViolation(f"tests[{each.test.case.display_name}].{wrong.field}", wrong.message)
                for each in failed
                for wrong in each.differences
            ][:50],
        )
        self.failed = tuple(failed)


class CallerTestsFailed(FailedPrecondition):
    """Tests of flows that lead into this one pass with its release and not with its draft, so it isn't published."""

    reason = "CALLER_TESTS_FAILED"

    def __init__(self, failed: Sequence[tuple[str, Result]]):
        name, result = failed[0]
        first = result.differences[0]
        more = f" ({len(failed) - 1} more tests of callers failed)" if len(failed) > 1 else ""
        flows = {each.test.flow_id: name for name, each in failed}
        super().__init__(
            f"test {result.test.case.display_name!r} of flow {name!r}: {first.message}{more}",
            metadata={
                "failed": str(len(failed)), "flow_id": result.test.flow_id, "test_id": result.test.test_id,
                "step_id": first.step_id, "flows": ", ".join(flows.values()),
            },
            fields=[
                FieldViolation(f"flows[{name}].tests[{each.test.case.display_name}].{wrong.field}", wrong.message)
                for name, each in failed
                for wrong in each.differences
            ][:50],
        )  # fmt: skip
        self.failed = tuple(failed)


def case_size(case: Case) -> int:
    """About how many characters a test takes in a file."""
    texts = [case.display_name, *case.expectation.path, *(f"{each.kind} {each.value}" for each in case.inputs)]
    for attributes in (case.scenario.attributes, case.expectation.attributes):
        texts += [f"{name} {value}" for name, value in attributes.items()]
    return sum(len(text) + 10 for text in texts)


def expectation_of(simulation: Simulation) -> Expectation:
    """What a run that was found right is expected to come to again: its path, what it set, and its end."""
    initial = simulation.initial
    end = simulation.end.lower()
    if simulation.waiting is not None:
        end = f"waiting {simulation.waiting.kinds[0]}"
    changed = {name: value for name, value in simulation.attributes.items() if initial.get(name) != value}
    return Expectation(tuple(visit.step_id for visit in simulation.visits), changed, end)


def run(test: FlowTest, definition: Definition, world: World) -> Result:
    """Run a test against a definition."""
    case = test.case
    simulation = simulate(definition, case.scenario, case.inputs, world)
    return Result(test, tuple(_differences(case, simulation)), expectation_of(simulation))


def _differences(case: Case, simulation: Simulation) -> Iterator[Difference]:
    expected, actual = case.expectation, expectation_of(simulation)
    yield from _path(expected.path, actual.path)
    wrong = simulation.mismatch
    if wrong is not None:
        value = case.inputs[wrong.index]
        message = f"input {wrong.index + 1} has no use: {wrong.message}"
        yield Difference(_last(actual), f"inputs[{wrong.index}]", f"{value.kind} {value.value}".strip(), "", message)
    for name, value in expected.attributes.items():
        found = simulation.attributes.get(name, "")
        if found != value:
            message = f"attribute {name} was expected to be {value[:100]!r} and is {found[:100]!r}"
            yield Difference(_last(actual), f"attributes[{name}]", value, found, message)
    if expected.end and expected.end != actual.end:
        message = f"the run was expected to end with {expected.end!r}, and at step {_last(actual)} it is {actual.end!r}"
        yield Difference(_last(actual), "end", expected.end, actual.end, message)


def _last(actual: Expectation) -> str:
    return actual.path[-1] if actual.path else ""


def _path(expected: Sequence[str], actual: Sequence[str]) -> Iterator[Difference]:
    for place in range(max(len(expected), len(actual))):
        wanted = expected[place] if place < len(expected) else ""
        came = actual[place] if place < len(actual) else ""
        if wanted != came:
            before = actual[place - 1] if place and place <= len(actual) else ""
            after = f"after step {before} " if before else ""
            message = f"{after}step {wanted} was expected and {came} came"
            if not came:
                message = f"{after}step {wanted} was expected and nothing came"
            elif not wanted:
                message = f"{after}nothing was expected and step {came} came"
            # The rest follows from the first that is different.
            yield Difference(before or came or wanted, f"path[{place}]", wanted, came, message)
            return


def hours_needed(definition: Definition, scenarios: Sequence[Scenario]) -> bool:
    """Whether business hours have to be known to run these."""
    asks = any(isinstance(step.action, Hours) for step in definition.steps)
    return asks and any(scenario.time is not None for scenario in scenarios)


def years_of(scenarios: Sequence[Scenario]) -> set[int]:
    """The years whose holidays they may fall on, whatever the zone: a test of last New Year's Day is one still."""
    around = timedelta(days=2)
    times = [each.time for each in scenarios if each.time is not None]
    return {max(moment.year, 1970) for time in times for moment in (time - around, time + around)}

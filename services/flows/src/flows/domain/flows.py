"""Flows and their releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kernel.errors import Conflict, FailedPrecondition, FieldViolation, InvalidInput, NotFound, Unavailable

from flows.domain.definitions import Definition, Problem, Severity

MAX_NAME = 200
MAX_COMMENT = 1000
MAX_DEFINITION_BYTES = 512 * 1024
MAX_PLACES = 1000
MAX_STEP_ID = 64
MAX_COORDINATE = 100_000


class FlowNotFound(NotFound):
    """No such flow."""

    reason = "FLOW_NOT_FOUND"


class ReleaseNotFound(NotFound):
    """No such release of this flow."""

    reason = "RELEASE_NOT_FOUND"


class TemplateNotFound(NotFound):
    """No such template."""

    reason = "TEMPLATE_NOT_FOUND"


class FlowNotPublished(FailedPrecondition):
    """The flow has no release yet."""

    reason = "FLOW_NOT_PUBLISHED"


class FlowInUse(FailedPrecondition):
    """Calls are in the flow right now."""

    reason = "FLOW_IN_USE"


class FlowHasNumbers(FailedPrecondition):
    """Calls to numbers come into the flow."""

    reason = "FLOW_HAS_NUMBERS"


class FlowCalled(FailedPrecondition):
    """Other flows lead into the flow."""

    reason = "FLOW_CALLED"


class VersionConflict(Conflict):
    """Somebody else changed it in between."""

    reason = "VERSION_CONFLICT"


class StepIdTwice(FailedPrecondition):
    """Two steps of the draft have one id."""

    reason = "STEP_ID_TWICE"


class FlowFileInvalid(InvalidInput):
    """A file that was to be imported can't be read, or names what isn't there."""

    reason = "FLOW_FILE_INVALID"

    def __init__(self, problems: Sequence[Problem]):
        first = problems[0]
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(
            f"{_place(first)}{first.message}{more}",
            metadata={"problems": str(len(problems)), "line": str(first.line), "problem": first.reason},
            fields=[
                FieldViolation("yaml", f"{problem.reason}: {_place(problem)}{problem.message}")
                for problem in problems[:50]
            ],
        )
        self.problems = tuple(problems)


def _place(problem: Problem) -> str:
    parts = [f"line {problem.line}"] if problem.line else []
    parts += [f"step {problem.step_id}"] if problem.step_id else []
    parts += [problem.field] if problem.field else []
    return f"{', '.join(parts)}: " if parts else ""


class ReferencesUnchecked(Unavailable):
    """Routing can't be asked whether what the flow refers to exists, so it isn't published."""

    reason = "REFERENCES_UNCHECKED"


class NamesUnavailable(Unavailable):
    """Routing can't be asked what things are called, so no file is written or read."""

    reason = "NAMES_UNAVAILABLE"


class FlowInvalid(FailedPrecondition):
    """The draft has problems that block publishing."""

    reason = "FLOW_INVALID"

    def __init__(self, problems: Sequence[Problem]):
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        first = errors[0]
        place = f"step {first.step_id}: " if first.step_id else ""
        more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(
            f"{place}{first.message}{more}",
            metadata={"problems": str(len(errors)), "step_id": first.step_id, "problem": first.reason},
            fields=[FieldViolation(_path(problem), f"{problem.reason}: {problem.message}") for problem in errors[:50]],
        )
        self.problems = tuple(problems)


def _path(problem: Problem) -> str:
    return f"draft.steps[{problem.step_id}].{problem.field}" if problem.step_id else f"draft.{problem.field}"


@dataclass(frozen=True)
class Place:
    """Where a step's upper left corner stands on the designer's canvas, in pixels."""

    x: int
    y: int


@dataclass(frozen=True)
class Flow:
    """A flow: its draft is edited, its newest release runs. `layout` is the draft's picture by step id: callers never
    meet it, so it is no part of a definition."""

    flow_id: str
    display_name: str
    draft: Definition
    layout: Mapping[str, Place]
    release_id: str
    release_number: int
    create_time: datetime
    update_time: datetime
    version: int


@dataclass(frozen=True)
class Release:
    """An immutable copy that was valid when it was published. `restored_number` is that of the older release which it
    runs again, 0 when it has none."""

    release_id: str
    flow_id: str
    number: int
    definition: Definition
    publisher: str
    comment: str
    restored_number: int
    create_time: datetime


def require_text(value: str, field: str, longest: int, *, required: bool = True) -> str:
    """`value` without surrounding space; InvalidInput naming the field when it is missing or too long."""
    value = value.strip()
    if required and not value:
        raise InvalidInput.of(field, "is required")
    if len(value) > longest:
        raise InvalidInput.of(field, f"is longer than {longest} characters")
    return value


def require_layout(layout: Mapping[str, Place]) -> Mapping[str, Place]:
    """`layout`; InvalidInput naming the place that is beyond every screen, or the layout when it has too many."""
    if len(layout) > MAX_PLACES:
        raise InvalidInput.of("flow.layout", f"has more than {MAX_PLACES} places")
    for step_id, place in layout.items():
        if not 0 < len(step_id) <= MAX_STEP_ID:
            raise InvalidInput.of("flow.layout", f"may name steps by ids of 1 to {MAX_STEP_ID} characters only")
        if max(abs(place.x), abs(place.y)) > MAX_COORDINATE:
            raise InvalidInput.of(f"flow.layout[{step_id}]", f"is farther than {MAX_COORDINATE} from the origin")
    return layout


def require_version(asked: int, found: int) -> None:
    """Refuse a change made on another version; 0 asks for none."""
    if asked and asked != found:
        raise VersionConflict("somebody changed it in between: read it again", metadata={"version": str(found)})


def require_parameters(given: Mapping[str, str], required: Sequence[str], optional: Sequence[str]) -> None:
    """Refuse a template's parameters that are missing or unknown."""
    wrong = [FieldViolation(f"parameters[{name}]", "is required") for name in required if not given.get(name)]
    known = {*required, *optional}
    wrong += [FieldViolation(f"parameters[{name}]", "is unknown") for name in sorted(set(given) - known)]
    if wrong:
        raise InvalidInput(f"{wrong[0].field} {wrong[0].description}", fields=wrong)

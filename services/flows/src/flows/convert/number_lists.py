"""Number lists between the contract's messages and the domain."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.instants import time_out
from merkez.flows.v1 import number_list_pb2 as pb
from merkez.flows.v1 import number_list_service_pb2 as service_pb

from flows.domain.number_lines import Imported, Read
from flows.domain.number_lists import Entry, Match, NumberList, Use

_MOST_PROBLEMS = 200


def to_list(found: NumberList, uses: Sequence[Use] = ()) -> pb.NumberList:
    """A list as clients read it."""
    return pb.NumberList(
        number_list_id=found.number_list_id,
        key=found.key,
        display_name=found.display_name,
        description=found.description,
        entry_count=found.entry_count,
        create_time=time_out(found.create_time),
        update_time=time_out(found.update_time),
        version=found.version,
        uses=[
            pb.NumberListUse(
                flow_id=each.flow_id, flow_name=each.flow_name, step_ids=each.step_ids, draft=each.draft,
                released=each.released,
            )
            for each in uses
        ],
    )  # fmt: skip


def to_entry(entry: Entry) -> pb.NumberListEntry:
    """An entry as clients read it."""
    return pb.NumberListEntry(
        pattern=entry.pattern, label=entry.label, notes=entry.notes, create_time=time_out(entry.create_time)
    )


def to_match(match: Match) -> service_pb.NumberMatch:
    """Where a number is, as clients read it."""
    found = match.number_list
    return service_pb.NumberMatch(
        number_list_id=found.number_list_id, key=found.key, display_name=found.display_name, entry=to_entry(match.entry)
    )


def to_import(made: Imported, read: Read) -> service_pb.ImportNumberListEntriesResponse:
    """What an import came to, as clients read it."""
    plan = made.plan
    return service_pb.ImportNumberListEntriesResponse(
        added=len(plan.added),
        changed=len(plan.changed),
        unchanged=plan.unchanged,
        removed=len(plan.removed),
        problems=[
            pb.NumberLineProblem(line=each.line, value=each.value, reason=each.reason, message=each.message)
            for each in read.problems[:_MOST_PROBLEMS]
        ],
        bad_lines=len(read.problems),
        entry_count=made.entry_count,
    )

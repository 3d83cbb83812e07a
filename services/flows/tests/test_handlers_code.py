"""Flows out to files and in again, and compared, over the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from chassis.auth import acting_as
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound, Unavailable
from merkez.flows.v1 import flow_code_service_pb2 as code
from merkez.flows.v1 import flow_diff_pb2 as diff
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2 as rpc
from testkit import someone

from .conftest import flow_of, say

FILE = """\
format: merkez.flow/1
name: Main line
language: en
start: hi
steps:
  hi:
    say:
      text:
        en: Hello.
      next: line
  line:
    queue:
      queue: Support
      skills:
        Turkish: 2
"""


@pytest.fixture
def imports(house: Any) -> Callable[..., Any]:
    """Imports a file as an admin."""

    async def take(yaml: str = FILE, **more: Any) -> code.ImportFlowResponse:
        request = code.ImportFlowRequest(**{"request_id": house.fresh("req"), "yaml": yaml, **more})
        with house.as_admin():
            return await house.code.ImportFlow(request)

    return take


async def exports(house: Any, flow_id: str, number: int = 0) -> code.ExportFlowResponse:
    with house.as_admin():
        return await house.code.ExportFlow(code.ExportFlowRequest(flow_id=flow_id, release_number=number))


async def compares(house: Any, flow_id: str, **more: Any) -> code.DiffFlowResponse:
    with house.as_admin():
        return await house.code.DiffFlow(code.DiffFlowRequest(flow_id=flow_id, **more))


async def test_a_file_becomes_a_flow_and_the_flow_the_same_file(house: Any, imports: Any) -> None:
    made = await imports()
    assert made.valid and not made.problems and made.flow.flow_id and made.flow.release_id == ""
    assert made.flow.display_name == "Main line"
    queue = made.flow.draft.steps[1].queue
    assert queue.queue_id == house.routing.queue_id and dict(queue.skills) == {house.routing.skill_id: 2}
    assert [step.change for step in made.changes.steps] == [diff.FLOW_CHANGE_ADDED] * 2
    answer = await exports(house, made.flow.flow_id)
    assert answer.yaml == FILE and not answer.problems


async def test_import_touches_the_draft_and_nothing_that_runs(house: Any, imports: Any) -> None:
    flow = await house.publish(flow_of(say("hi", "Hello.")))
    made = await imports(flow_id=flow.flow_id, version=flow.version)
    assert (made.flow.release_id, made.flow.display_name) == (flow.release_id, "Main")
    assert made.flow.version == flow.version + 1
    assert "Support" not in (await exports(house, flow.flow_id, 1)).yaml
    with pytest.raises(Conflict):
        await imports(flow_id=flow.flow_id, version=flow.version)


async def test_trying_says_what_would_change_and_changes_nothing(house: Any, imports: Any) -> None:
    flow = await house.publish(flow_of(say("hi", "Good morning.")))
    tried = await imports(flow_id=flow.flow_id, dry_run=True, request_id="")
    (hi, line) = tried.changes.steps
    assert [(each.field, each.before, each.after) for each in hi.fields] == [
        ("text.en", "Good morning.", "Hello."), ("next", "", "line"),
    ]  # fmt: skip
    assert (line.change, line.kind) == (diff.FLOW_CHANGE_ADDED, "queue") and tried.valid
    with house.as_admin():
        assert await house.flows.GetFlow(rpc.GetFlowRequest(flow_id=flow.flow_id)) == flow
    fresh = await imports(dry_run=True, request_id="")
    assert fresh.flow.flow_id == "" and fresh.flow.draft.steps and not fresh.flow.HasField("create_time")


async def test_names_that_mean_nothing_or_two_things_are_refused_by_their_place(house: Any, imports: Any) -> None:
    house.routing.queue_names |= {house.fresh("que"): "Twins"} | {house.routing.offline_agent_id: "Twins"}
    for name, reason in (("Sales", "NAME_MISSING"), ("Twins", "NAME_AMBIGUOUS")):
        with pytest.raises(InvalidInput) as refused:
            await imports(FILE.replace("Support", name))
        assert refused.value.reason == "FLOW_FILE_INVALID"
        assert refused.value.metadata["line"] == "13" and f"{name!r}" in refused.value.message
        assert "line 13, step line, queue" in refused.value.message
        (problem,) = (await imports(FILE.replace("Support", name), dry_run=True)).problems
        assert (problem.line, problem.step_id, problem.field, problem.reason) == (13, "line", "queue", reason)


async def test_what_is_not_yaml_is_refused_by_its_line(imports: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        await imports("start: a\nsteps: [")
    assert refused.value.reason == "FLOW_FILE_INVALID" and "line 3" in refused.value.message
    with pytest.raises(InvalidInput, match="name is required"):
        await imports("start: a\nsteps: {a: {hang_up: }}")


async def test_a_draft_that_could_not_be_published_is_taken_with_its_problems(house: Any, imports: Any) -> None:
    made = await imports("name: Half\nlanguage: en\nstart: a\nsteps: {a: {say: {next: b}}}")
    assert not made.valid and {each.reason for each in made.problems} == {"NEXT_UNKNOWN", "TEXT_MISSING"}
    assert made.flow.flow_id


async def test_repeated_import_makes_one_flow(house: Any, imports: Any) -> None:
    first = await imports(request_id="once")
    house.routing.queue_names.clear()
    assert await imports(request_id="once") == first
    with pytest.raises(AlreadyExists):
        await imports(FILE.replace("Hello", "Hi"), request_id="once")


async def test_a_deleted_queue_is_written_by_its_id_with_a_warning(house: Any, imports: Any) -> None:
    made = await imports()
    house.routing.queue_names.clear()
    answer = await exports(house, made.flow.flow_id)
    assert f"queue: id:{house.routing.queue_id}" in answer.yaml
    assert [(each.step_id, each.field, each.reason) for each in answer.problems] == [
        ("line", "queue_id", "NAME_MISSING")
    ]


async def test_no_file_is_written_or_read_while_routing_is_away(house: Any, imports: Any) -> None:
    made = await imports()
    house.routing.away = True
    for work in (exports(house, made.flow.flow_id), imports()):
        with pytest.raises(Unavailable) as refused:
            await work
        assert refused.value.reason == "NAMES_UNAVAILABLE"
    assert not (await compares(house, made.flow.flow_id)).diff.same


async def test_releases_and_the_draft_are_compared_by_number(house: Any, imports: Any) -> None:
    flow = await house.publish(flow_of(say("hi", "Hello.")))
    assert (await compares(house, flow.flow_id)).diff.same
    await imports(flow_id=flow.flow_id)
    before = await compares(house, flow.flow_id)
    assert (before.before_number, before.after_number) == (1, 0) and not before.diff.same
    with house.as_admin():
        await house.flows.PublishFlow(rpc.PublishFlowRequest(request_id=house.fresh("req"), flow_id=flow.flow_id))
    assert (await compares(house, flow.flow_id, before_number=1, after_number=2)).diff == before.diff
    assert (await compares(house, flow.flow_id)).diff.same
    typed = flow_of(say("hi", "Hello there."))
    (_, line) = (await compares(house, flow.flow_id, definition=typed)).diff.steps
    assert line.change == diff.FLOW_CHANGE_REMOVED
    with pytest.raises(NotFound) as missing:
        await compares(house, flow.flow_id, before_number=9)
    assert missing.value.reason == "RELEASE_NOT_FOUND"
    with pytest.raises(InvalidInput, match="after_number"):
        await compares(house, flow.flow_id, after_number=1, definition=typed)
    with pytest.raises(InvalidInput, match="before_number"):
        await compares(house, flow.flow_id, before_number=-1)


async def test_a_flow_that_was_never_published_is_all_new(house: Any, imports: Any) -> None:
    made = await imports()
    answer = await compares(house, made.flow.flow_id)
    assert answer.before_number == 0 and len(answer.diff.steps) == 2


async def test_a_draft_with_two_steps_of_one_id_can_not_be_written(house: Any) -> None:
    draft = pb.Flow(display_name="Twice", draft=flow_of(say("a", "A."), say("a", "B.")))
    with house.as_admin():
        flow = await house.flows.CreateFlow(rpc.CreateFlowRequest(request_id=house.fresh("req"), flow=draft))
    with pytest.raises(FailedPrecondition) as refused:
        await exports(house, flow.flow_id)
    assert refused.value.reason == "STEP_ID_TWICE"


async def test_flow_of_another_tenant_is_not_found_and_agents_do_not_import(house: Any, imports: Any) -> None:
    flow_id = (await imports()).flow.flow_id
    with house.as_admin(house.fresh("ten")):
        for work in (
            house.code.ExportFlow(code.ExportFlowRequest(flow_id=flow_id)),
            house.code.DiffFlow(code.DiffFlowRequest(flow_id=flow_id)),
            house.code.ImportFlow(code.ImportFlowRequest(request_id="r", yaml=FILE, flow_id=flow_id)),
        ):
            with pytest.raises(NotFound):
                await work
    with acting_as(someone("agent", house.tenant_id)), pytest.raises(Forbidden):
        await house.code.ImportFlow(code.ImportFlowRequest(request_id="r", yaml=FILE))


async def test_skills_that_entry_rules_say_by_hand_are_kept_by_id_and_come_back_from_the_file(
    house: Any, imports: Any
) -> None:
    skill_id, queue_id = house.routing.skill_id, house.routing.queue_id
    rule = pb.EntryRule(name="vip", condition="caller_number == '1'", queue_id=queue_id, requirement=" turkish >= 2 ")
    draft = flow_of(
        pb.Step(step_id="r", entry_rules=pb.EntryRules(rules=[rule], next="q", otherwise="bye")),
        pb.Step(step_id="q", queue=pb.Queue(by_rules=True)), say("bye", "Bye."),
    )  # fmt: skip

    def asked(flow: pb.Flow) -> str:
        return flow.draft.steps[0].entry_rules.rules[0].requirement

    with house.as_admin():
        house.routing.away = True
        made = await house.flows.CreateFlow(
            rpc.CreateFlowRequest(request_id=house.fresh("req"), flow=pb.Flow(display_name="Front", draft=draft))
        )
        assert asked(made) == "turkish >= 2", "as it was written, while nobody says what it means"
        house.routing.away = False
        await house.flows.PublishFlow(rpc.PublishFlowRequest(request_id=house.fresh("req"), flow_id=made.flow_id))
        published = await house.flows.GetFlow(rpc.GetFlowRequest(flow_id=made.flow_id))
        assert asked(published) == f"{skill_id} >= 2"
        rule.requirement = "TURKISH"
        draft.steps[0].entry_rules.rules[0].CopyFrom(rule)
        saved = await house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=pb.Flow(flow_id=made.flow_id, draft=draft)))
        assert asked(saved) == skill_id
    out = await exports(house, made.flow_id)
    assert "requirement: Turkish\n" in out.yaml and not out.problems
    by_hand = out.yaml.replace("requirement: Turkish", "requirement: tURKISH")
    for text in (out.yaml, by_hand):
        back = await imports(text, flow_id=made.flow_id, dry_run=True)
        assert back.flow.draft == saved.draft and not back.problems and not back.changes.steps

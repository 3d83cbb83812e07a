"""Editing and publishing flows, and prompts, over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from chassis.auth import acting_as
from kernel.errors import (
    AlreadyExists,
    Conflict,
    DomainError,
    FailedPrecondition,
    Forbidden,
    InvalidInput,
    NotFound,
    Unavailable,
)
from kernel.ids import new_id
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2 as rpc
from merkez.tenancy.v1 import number_pb2, porting_pb2
from testkit import someone

from .conftest import flow_of


def hang_up(step_id: str = "bye", text: str = "Bye.") -> pb.Step:
    return pb.Step(step_id=step_id, hang_up=pb.HangUpStep(utterance=pb.Utterance(text={"en": text})))


@pytest.fixture
def create(house: Any) -> Callable[..., Any]:
    """Creates a flow as an admin, by default with a draft that says goodbye."""

    async def make(**more: Any) -> pb.Flow:
        request = rpc.CreateFlowRequest(request_id=house.fresh("req"), flow=pb.Flow(display_name="Main line"))
        if "template_id" not in more:
            request.flow.draft.CopyFrom(more.pop("draft", flow_of(hang_up())))
        request.MergeFrom(rpc.CreateFlowRequest(**more))
        with house.as_admin():
            return await house.flows.CreateFlow(request)

    return make


async def test_set_up_creates_and_publishes_a_flow_from_a_template(house: Any, create: Any) -> None:
    parameters = {"queue_id": house.routing.queue_id, "brand_name": "Acme Travel"}
    flow = await create(template_id="greeting_menu_queue", parameters=parameters, publish=True)
    assert flow.release_number == 1 and flow.release_id
    texts = flow.draft.steps[0].say.utterance.text
    assert texts["en"] == "Welcome to Acme Travel." and "Acme Travel" in texts["fa"]
    with house.as_admin():
        assert await house.flows.GetFlow(rpc.GetFlowRequest(flow_id=flow.flow_id)) == flow


async def test_template_without_its_queue_is_refused_by_the_parameters_name(create: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        await create(template_id="hours_menu_queue", parameters={"queue_id": "x", "color": "red"})
    assert {item.field for item in refused.value.fields} == {"parameters[business_hours_id]", "parameters[color]"}
    with pytest.raises(NotFound):
        await create(template_id="nothing")


async def test_flow_that_can_not_be_valid_stays_a_draft_when_created(create: Any, house: Any) -> None:
    flow = await create(template_id="simple_queue", parameters={"queue_id": house.fresh("que")}, publish=True)
    assert flow.release_id == "" and flow.draft.steps


async def test_repeated_creation_gives_the_first_answer_and_another_body_is_refused(house: Any) -> None:
    request = rpc.CreateFlowRequest(request_id="once", flow=pb.Flow(display_name="A", draft=flow_of(hang_up())))
    with house.as_admin():
        first = await house.flows.CreateFlow(request)
        assert await house.flows.CreateFlow(request) == first
        request.flow.display_name = "B"
        with pytest.raises(AlreadyExists) as reused:
            await house.flows.CreateFlow(request)
    assert reused.value.reason == "REQUEST_ID_REUSED"


async def test_publishing_names_every_problem_with_its_step(house: Any, create: Any) -> None:
    island = hang_up("island")
    flow = await create(draft=flow_of(hang_up(), island))
    request = rpc.PublishFlowRequest(request_id=house.fresh("req"), flow_id=flow.flow_id)
    with house.as_admin(), pytest.raises(FailedPrecondition) as refused:
        await house.flows.PublishFlow(request)
    assert refused.value.reason == "FLOW_INVALID"
    assert [item.field for item in refused.value.fields] == ["draft.steps[island].step_id"]
    with house.as_admin():
        checked = await house.flows.ValidateFlow(rpc.ValidateFlowRequest(flow_id=flow.flow_id))
        assert not checked.valid and checked.problems[0].reason == "STEP_UNREACHABLE"
        other = rpc.ValidateFlowRequest(flow_id=flow.flow_id, definition=flow_of(hang_up()))
        assert (await house.flows.ValidateFlow(other)).valid


async def test_release_does_not_change_when_the_draft_does(house: Any, create: Any) -> None:
    flow = await create(publish=True)
    changed = pb.Flow(flow_id=flow.flow_id, draft=flow_of(hang_up(text="Farewell.")))
    with house.as_admin():
        flow = await house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=changed, version=flow.version))
        assert flow.release_number == 1
        with pytest.raises(Conflict):
            await house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=changed, version=1))
        house.clock.advance(1)
        await house.flows.PublishFlow(
            rpc.PublishFlowRequest(request_id=house.fresh("req"), flow_id=flow.flow_id, comment="New goodbye")
        )
        listed = await house.flows.ListReleases(rpc.ListReleasesRequest(flow_id=flow.flow_id))
    heard = [release.definition.steps[0].hang_up.utterance.text["en"] for release in listed.releases]
    assert heard == ["Farewell.", "Bye."] and listed.releases[0].comment == "New goodbye"
    assert listed.releases[0].publisher == "usr_admin"


async def test_rolling_back_publishes_the_old_release_as_the_newest(house: Any, create: Any) -> None:
    flow = await create(publish=True)
    first = flow.release_id
    changed = pb.Flow(flow_id=flow.flow_id, draft=flow_of(hang_up(text="Farewell.")))
    with house.as_admin():
        await house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=changed))
        await house.flows.PublishFlow(rpc.PublishFlowRequest(request_id="p", flow_id=flow.flow_id))
        request = rpc.RollBackFlowRequest(request_id="r", flow_id=flow.flow_id, release_id=first)
        release = await house.flows.RollBackFlow(request)
        assert (release.number, release.definition.steps[0].hang_up.utterance.text["en"]) == (3, "Bye.")
        assert (release.restored_number, release.comment) == (1, "")
        assert await house.flows.RollBackFlow(request) == release
        now = await house.flows.GetFlow(rpc.GetFlowRequest(flow_id=flow.flow_id))
        assert now.release_id == release.release_id
        assert now.draft.steps[0].hang_up.utterance.text["en"] == "Farewell."
        with pytest.raises(NotFound):
            request = rpc.RollBackFlowRequest(
                request_id="x", flow_id=flow.flow_id, release_id=(await create(publish=True)).release_id
            )
            await house.flows.RollBackFlow(request)


async def test_two_who_publish_at_once_make_two_releases_with_two_numbers(house: Any, create: Any) -> None:
    flow = await create()

    async def publish(request_id: str) -> int:
        with house.as_admin():
            request = rpc.PublishFlowRequest(request_id=request_id, flow_id=flow.flow_id)
            return (await house.flows.PublishFlow(request)).number

    assert sorted(await asyncio.gather(publish("a"), publish("b"))) == [1, 2]


async def test_flow_is_edited_while_routing_is_away_and_published_when_it_is_back(house: Any, create: Any) -> None:
    house.routing.away = True
    parameters = {"queue_id": house.routing.queue_id}
    flow = await create(template_id="simple_queue", parameters=parameters, publish=True)
    assert not flow.release_id
    publish = rpc.PublishFlowRequest(request_id="p", flow_id=flow.flow_id)
    with house.as_admin():
        checked = await house.flows.ValidateFlow(rpc.ValidateFlowRequest(flow_id=flow.flow_id))
        with pytest.raises(Unavailable) as refused:
            await house.flows.PublishFlow(publish)
    assert refused.value.reason == "REFERENCES_UNCHECKED" and checked.valid
    assert [(item.reason, item.step_id) for item in checked.problems] == [("REFERENCE_UNCHECKED", "queue")]
    house.routing.away = False
    with house.as_admin():
        assert (await house.flows.PublishFlow(publish)).number == 1


async def test_key_that_may_not_read_queues_can_not_publish_one_that_is_not_there(house: Any, create: Any) -> None:
    flow = await create(template_id="simple_queue", parameters={"queue_id": new_id("que", house.clock.now())})
    writer = someone("api_client", house.tenant_id, permissions={"flows.write"})
    with acting_as(writer), pytest.raises(FailedPrecondition) as refused:
        await house.flows.PublishFlow(rpc.PublishFlowRequest(request_id="p", flow_id=flow.flow_id))
    assert refused.value.metadata["problem"] == "QUEUE_UNKNOWN"


async def test_part_of_a_draft_is_not_taken_for_the_whole(house: Any, create: Any) -> None:
    flow = await create()
    change = rpc.UpdateFlowRequest(flow=pb.Flow(flow_id=flow.flow_id, draft=pb.Definition(start="bye")))
    change.update_mask.paths.append("draft.start")
    with house.as_admin():
        with pytest.raises(InvalidInput):
            await house.flows.UpdateFlow(change)
        assert (await house.flows.GetFlow(rpc.GetFlowRequest(flow_id=flow.flow_id))).draft == flow.draft


async def test_picture_of_a_draft_is_kept_beside_it_and_reaches_no_release(house: Any, create: Any) -> None:
    places = {"bye": pb.Place(x=240, y=-40)}
    flow = await create(flow=pb.Flow(layout={"bye": pb.Place(y=80)}), publish=True)
    assert flow.layout["bye"] == pb.Place(y=80)
    change = rpc.UpdateFlowRequest(flow=pb.Flow(flow_id=flow.flow_id, layout=places), version=flow.version)
    with house.as_admin():
        moved = await house.flows.UpdateFlow(change)
        assert (dict(moved.layout), moved.draft, moved.release_number) == (places, flow.draft, 1)
        renamed = pb.Flow(flow_id=flow.flow_id, display_name="Night line")
        assert dict((await house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=renamed))).layout) == places
        with pytest.raises(Conflict):
            await house.flows.UpdateFlow(change)
        change = rpc.UpdateFlowRequest(flow=pb.Flow(flow_id=flow.flow_id))
        change.update_mask.paths.append("layout")
        assert not (await house.flows.UpdateFlow(change)).layout


@pytest.mark.parametrize(
    ("layout", "field"),
    [
        ({"bye": pb.Place(x=100_001)}, "flow.layout[bye]"),
        ({"bye": pb.Place(y=-100_001)}, "flow.layout[bye]"),
        ({"x" * 65: pb.Place()}, "flow.layout"),
        ({f"step_{number}": pb.Place() for number in range(1001)}, "flow.layout"),
    ],
)
async def test_picture_beyond_every_screen_is_refused(
    house: Any, create: Any, layout: dict[str, pb.Place], field: str
) -> None:
    flow = await create()
    change = rpc.UpdateFlowRequest(flow=pb.Flow(flow_id=flow.flow_id, layout=layout))
    with house.as_admin(), pytest.raises(InvalidInput) as refused:
        await house.flows.UpdateFlow(change)
    assert [item.field for item in refused.value.fields] == [field]


async def test_flow_of_another_tenant_is_not_found(house: Any, create: Any) -> None:
    flow = await create(publish=True)
    calls = [
        house.flows.GetFlow(rpc.GetFlowRequest(flow_id=flow.flow_id)),
        house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=pb.Flow(flow_id=flow.flow_id, display_name="Mine"))),
        house.flows.DeleteFlow(rpc.DeleteFlowRequest(flow_id=flow.flow_id)),
        house.flows.ValidateFlow(rpc.ValidateFlowRequest(flow_id=flow.flow_id)),
        house.flows.PublishFlow(rpc.PublishFlowRequest(request_id="x", flow_id=flow.flow_id)),
        house.flows.RollBackFlow(
            rpc.RollBackFlowRequest(request_id="y", flow_id=flow.flow_id, release_id=flow.release_id)
        ),
        house.flows.ListReleases(rpc.ListReleasesRequest(flow_id=flow.flow_id)),
    ]
    with house.as_admin(house.fresh("ten")):
        for call in calls:
            with pytest.raises(NotFound):
                await call
        assert not (await house.flows.ListFlows(rpc.ListFlowsRequest())).flows


async def test_agent_may_not_edit_flows(house: Any) -> None:
    with acting_as(someone("agent", house.tenant_id)), pytest.raises(Forbidden):
        await house.flows.CreateFlow(rpc.CreateFlowRequest(request_id="x", flow=pb.Flow(display_name="A")))


@pytest.mark.parametrize(
    "request_",
    [
        rpc.CreateFlowRequest(flow=pb.Flow(display_name="No request id")),
        rpc.CreateFlowRequest(request_id="x" * 129, flow=pb.Flow(display_name="A")),
        rpc.CreateFlowRequest(request_id="x", flow=pb.Flow(display_name="  ")),
        rpc.CreateFlowRequest(request_id="x", flow=pb.Flow(display_name="A" * 201)),
        rpc.CreateFlowRequest(request_id="x", flow=pb.Flow(display_name="A"), parameters={"a": "b"}),
        rpc.CreateFlowRequest(
            request_id="x", flow=pb.Flow(display_name="A", draft=flow_of(hang_up(text="x" * 600_000)))
        ),
    ],
)
async def test_malformed_creation_is_refused_by_field(house: Any, request_: rpc.CreateFlowRequest) -> None:
    with house.as_admin(), pytest.raises(InvalidInput) as refused:
        await house.flows.CreateFlow(request_)
    assert refused.value.fields


async def test_flows_are_listed_newest_first_page_by_page(house: Any, create: Any) -> None:
    made = []
    for _ in range(5):
        made.append((await create()).flow_id)
        house.clock.advance(1)
    seen: list[str] = []
    token = ""
    with house.as_admin():
        while True:
            page = await house.flows.ListFlows(rpc.ListFlowsRequest(page_size=2, page_token=token))
            seen += [flow.flow_id for flow in page.flows]
            token = page.next_page_token
            if not token:
                break
        with pytest.raises(InvalidInput):
            await house.flows.ListFlows(rpc.ListFlowsRequest(page_token="forged"))
    assert seen == made[::-1]


async def test_flow_that_numbers_lead_into_is_not_deleted(house: Any, create: Any) -> None:
    flow = await create(publish=True)
    deletion = rpc.DeleteFlowRequest(flow_id=flow.flow_id)
    house.tenancy.numbers = [
        number_pb2.Number(number="+442079460001", flow_id=house.fresh("flw")),
        number_pb2.Number(number="+442079460002", flow_id=flow.flow_id),
    ]
    lane = porting_pb2.PortLane(state=porting_pb2.PORT_STATE_SUBMITTED)
    coming = porting_pb2.PortNumber(number="+442079460003")
    order = porting_pb2.PortOrder(flow_id=flow.flow_id, numbers=[coming], lanes=[lane])
    house.tenancy.orders = [order]
    with house.as_admin():
        with pytest.raises(FailedPrecondition) as refused:
            await house.flows.DeleteFlow(deletion)
        assert refused.value.reason == "FLOW_HAS_NUMBERS"
        assert refused.value.metadata["numbers"] == "+442079460002, +442079460003"
        house.tenancy.away = True
        with pytest.raises(Unavailable):
            await house.flows.DeleteFlow(deletion)
        house.tenancy.away = False
        assert (await house.flows.GetFlow(rpc.GetFlowRequest(flow_id=flow.flow_id))).release_id, "nothing is lost"
        house.tenancy.numbers[1].flow_id = ""
        order.lanes[0].state = porting_pb2.PORT_STATE_CANCELLED
        await house.flows.DeleteFlow(deletion)
        with pytest.raises(NotFound):
            await house.flows.GetFlow(rpc.GetFlowRequest(flow_id=flow.flow_id))


async def test_flow_with_a_call_in_it_can_not_be_deleted(house: Any, create: Any) -> None:
    flow = await create(
        draft=flow_of(
            pb.Step(step_id="a", say=pb.Say(utterance=pb.Utterance(text={"en": "Hello."}), next="bye")), hang_up()
        ),
        publish=True,
    )
    instruction = await house.start(flow.flow_id)
    with house.as_admin():
        with pytest.raises(FailedPrecondition) as refused:
            await house.flows.DeleteFlow(rpc.DeleteFlowRequest(flow_id=flow.flow_id))
        assert refused.value.reason == "FLOW_IN_USE"
        await house.advance(instruction, "FINISHED")
        await house.flows.DeleteFlow(rpc.DeleteFlowRequest(flow_id=flow.flow_id))
        with pytest.raises(NotFound):
            await house.flows.GetFlow(rpc.GetFlowRequest(flow_id=flow.flow_id))
    with pytest.raises(NotFound):
        await house.start(flow.flow_id)


@pytest.fixture
def upload(house: Any) -> Callable[..., Any]:
    """Uploads a prompt as an admin."""

    async def send(audio: bytes, **more: Any) -> pb.Prompt:
        named = pb.Prompt(display_name="Welcome", language="tr", **more)
        with house.as_admin():
            return await house.prompts.CreatePrompt(
                rpc.CreatePromptRequest(request_id=house.fresh("req"), prompt=named, audio=audio)
            )

    return send


async def test_uploaded_prompt_comes_back_byte_for_byte(house: Any, upload: Any, make_wav: Any) -> None:
    audio = make_wav(0.5)
    prompt = await upload(audio)
    assert prompt.duration.ToTimedelta().total_seconds() == pytest.approx(0.5, abs=0.02)
    assert prompt.size_bytes == len(audio)
    with house.as_admin():
        sound = await house.prompts.GetPromptAudio(rpc.GetPromptAudioRequest(prompt_id=prompt.prompt_id))
        assert (sound.audio, sound.content_type, len(sound.digest)) == (audio, "audio/wav", 64)
        listed = await house.prompts.ListPrompts(rpc.ListPromptsRequest())
        assert [item.prompt_id for item in listed.prompts] == [prompt.prompt_id]
    with house.as_admin(house.fresh("ten")), pytest.raises(NotFound):
        await house.prompts.GetPromptAudio(rpc.GetPromptAudioRequest(prompt_id=prompt.prompt_id))


async def test_upload_that_can_not_be_played_is_refused(upload: Any, make_wav: Any) -> None:
    long = make_wav(301, rate=4000)
    for audio in (b"", b"not audio at all", b"OggS" + bytes(400), b"\xff\xfb" + bytes(64), long, bytes(4_000_001)):
        with pytest.raises(InvalidInput) as refused:
            await upload(audio)
        assert refused.value.reason == "PROMPT_UNREADABLE"


@pytest.mark.parametrize(
    ("seconds", "level", "reason", "advice"),
    [
        (0.1, 0.2, "PROMPT_TOO_SHORT", "wait a moment"),
        (2.0, 0.0, "PROMPT_SILENT", "microphone"),
        (2.0, 0.002, "PROMPT_SILENT", "louder"),
    ],
)
async def test_prompt_that_nobody_would_hear_is_refused_with_advice(
    upload: Any, make_wav: Any, seconds: float, level: float, reason: str, advice: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await upload(make_wav(seconds, level=level))
    assert refused.value.reason == reason and advice in str(refused.value)


async def test_prompt_that_is_played_can_not_be_deleted(house: Any, create: Any, upload: Any, make_wav: Any) -> None:
    prompt = await upload(make_wav())
    play = flow_of(pb.Step(step_id="a", play=pb.Play(prompt_id=prompt.prompt_id)))
    flow = await create(draft=play, publish=True)
    request = rpc.DeletePromptRequest(prompt_id=prompt.prompt_id)
    changed = pb.Flow(flow_id=flow.flow_id, draft=flow_of(hang_up()))
    with house.as_admin():
        await house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=changed))
        with pytest.raises(FailedPrecondition) as refused:
            await house.prompts.DeletePrompt(request)
        assert refused.value.reason == "PROMPT_IN_USE"
        await house.flows.DeleteFlow(rpc.DeleteFlowRequest(flow_id=flow.flow_id))
        await house.prompts.DeletePrompt(request)
        with pytest.raises(NotFound):
            await house.prompts.DeletePrompt(request)


async def test_templates_are_described_in_all_four_languages(house: Any) -> None:
    with house.as_admin():
        listed = await house.flows.ListTemplates(rpc.ListTemplatesRequest())
    assert [item.template_id for item in listed.templates] == [
        "greeting_menu_queue", "hours_menu_queue", "hours_queue_voicemail", "simple_queue", "queue_survey",
    ]  # fmt: skip
    assert all(set(item.names) == {"en", "tr", "az", "fa"} for item in listed.templates)


async def test_every_kind_of_step_comes_back_as_it_was_sent(house: Any, create: Any) -> None:
    said = pb.Utterance(text={"en": "Hello.", "fa": "سلام"}, prompt_id="prm_x")
    steps = [
        pb.Step(step_id="say", display_name="Say", say=pb.Say(utterance=said, next="play")),
        pb.Step(step_id="play", play=pb.Play(prompt_id="prm_x", next="menu")),
        pb.Step(step_id="menu", menu=pb.Menu(
            utterance=said, choices=[pb.Choice(digit="*", value="v", next="say")], attempts=2, invalid=said,
            no_match="say")),
        pb.Step(step_id="collect", collect=pb.Collect(
            utterance=said, attribute="a", min_digits=1, max_digits=2, terminator="*", attempts=1, next="x",
            no_match="y", masked=True)),
        pb.Step(step_id="hours", hours=pb.Hours(business_hours_id="hrs_x", open="a", closed="b")),
        pb.Step(step_id="set", set_attribute=pb.SetAttribute(attribute="a", value="{b}", next="c")),
        pb.Step(step_id="http", http_request=pb.HttpRequest(
            method="POST", url="https://x", headers={"a": "b"}, body="{}", extract={"a": "/b"}, retries=2,
            filler="music", next="a", failed="b")),
        pb.Step(step_id="queue", queue=pb.Queue(
            queue_id="que_x", skills={"skl_x": 3}, priority=4, music_prompt_id="prm_x", timed_out="a")),
        pb.Step(step_id="hang_up", hang_up=pb.HangUpStep(utterance=said)),
        pb.Step(step_id="silent", hang_up=pb.HangUpStep()),
        pb.Step(step_id="undecided"),
    ]  # fmt: skip
    steps[2].menu.timeout.FromMilliseconds(1500)
    steps[7].queue.announce_interval.FromSeconds(0)
    steps[7].queue.max_wait.FromSeconds(90)
    draft = pb.Definition(start="say", steps=steps, language="fa")
    flow = await create(draft=draft)
    with house.as_admin():
        assert (await house.flows.GetFlow(rpc.GetFlowRequest(flow_id=flow.flow_id))).draft == draft
        try:
            await house.flows.PublishFlow(rpc.PublishFlowRequest(request_id="x", flow_id=flow.flow_id))
        except DomainError as refused:
            assert refused.reason == "FLOW_INVALID"

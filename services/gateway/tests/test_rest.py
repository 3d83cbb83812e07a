"""REST at the edge: what gets through, what is refused, and in which words."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from kernel.errors import Unavailable
from kernel.features import PlanFeatures

QUEUE = {"requestId": "r1", "queue": {"displayName": "Front desk"}}


async def test_queue_is_created_by_an_admin_and_noted_in_the_audit_log(house: Any) -> None:
    answer = await house.http.post("/v1/queues", json=QUEUE, headers=house.as_role("admin"))
    assert answer.status_code == 200 and answer.json()["queueId"] == "que_1"
    assert answer.json()["requiredSkills"] == [] and answer.json()["version"] == "0"
    assert len(answer.headers["x-request-id"]) == 32
    who, _ = house.world.seen["CreateQueue"][0]
    assert (who.role, who.subject) == ("admin", "usr_admin")
    await _until(lambda: house.world.audit)
    tenant, entry = house.world.audit[0]
    assert tenant == who.tenant_id and entry.action == "routing.v1.QueueService/CreateQueue"
    assert (entry.target, entry.outcome, entry.address) == ("que_1", "OK", "127.0.0.1")


async def test_denied_change_is_noted_in_the_audit_log(house: Any) -> None:
    answer = await house.http.post("/v1/queues", json=QUEUE, headers=house.as_role("agent"))
    assert answer.status_code == 403 and answer.json()["reason"] == "PERMISSION_DENIED"
    await _until(lambda: house.world.audit)
    assert house.world.audit[0][1].outcome == "PERMISSION_DENIED" and not house.world.seen["CreateQueue"]


async def test_listening_whispering_barging_and_taking_over_are_told_apart_in_the_audit_log(house: Any) -> None:
    headers = house.as_role("supervisor")
    for mode in ("LISTEN", "WHISPER", "BARGE"):
        body = {"mode": f"SUPERVISION_MODE_{mode}"}
        assert (await house.http.post("/v1/calls/call_1:supervise", json=body, headers=headers)).status_code == 200
    assert (await house.http.post("/v1/calls/call_1:takeOver", json={}, headers=headers)).status_code == 200
    await _until(lambda: len(house.world.audit) == 4)
    assert [(entry.action.rpartition("/")[2], entry.target, entry.subject) for _, entry in house.world.audit] == [
        (action, "call_1", "usr_supervisor")
        for action in ("SuperviseCall:LISTEN", "SuperviseCall:WHISPER", "SuperviseCall:BARGE", "TakeOverCall")
    ]


async def test_reading_is_not_noted(house: Any) -> None:
    assert (await house.http.get("/v1/queues", headers=house.as_role())).status_code == 200
    headers = house.as_role("supervisor")
    assert (await house.http.post("/v1/calls/call_1:takeOver", json={}, headers=headers)).status_code == 200
    await _until(lambda: house.world.audit)
    assert [entry.action.rpartition("/")[2] for _, entry in house.world.audit] == ["TakeOverCall"]


async def test_path_query_and_body_become_one_request(house: Any) -> None:
    headers = house.as_role()
    await house.http.get("/v1/queues?pageSize=7&pageToken=abc", headers=headers)
    _, listed = house.world.seen["ListQueues"][0]
    assert (listed.page_size, listed.page_token) == (7, "abc")
    body = {"queue": {"displayName": "New"}, "updateMask": "displayName", "version": "4"}
    await house.http.patch("/v1/queues/que_9", json=body, headers=headers)
    _, updated = house.world.seen["UpdateQueue"][0]
    assert updated.queue.queue_id == "que_9" and updated.update_mask.paths == ["display_name"] and updated.version == 4


async def test_every_wrong_field_is_named_at_once_and_no_value_repeated(house: Any) -> None:
    body = {"requestId": 5, "queue": {"displayName": "secret-value", "nope": 1, "openToAll": "yes"}}
    answer = await house.http.post("/v1/queues", json=body, headers=house.as_role())
    problem = answer.json()
    assert answer.status_code == 400 and answer.headers["content-type"] == "application/problem+json"
    assert problem["reason"] == "REQUEST_INVALID" and problem["instance"].startswith("urn:merkez:trace:")
    assert {error["field"] for error in problem["errors"]} == {"requestId", "queue.nope", "queue.openToAll"}
    assert "secret-value" not in answer.text


async def test_services_refusal_keeps_its_reason_fields_and_metadata(house: Any) -> None:
    answer = await house.http.post("/v1/queues", json={"requestId": "r"}, headers=house.as_role())
    assert answer.json()["errors"] == [{"field": "queue.displayName", "description": "is required"}]
    held = await house.http.post("/v1/calls/call_1:hold", headers=house.as_role("agent"))
    assert held.status_code == 409 and held.json()["reason"] == "CALL_NOT_TALKING"
    assert held.json()["metadata"] == {"call_id": "call_1"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "JSON_INVALID"),
        (b"\xff\xfe", "JSON_INVALID"),
        (b'{"queue":' * 100 + b"1" + b"}" * 100, "JSON_INVALID"),
        (b"[" * 50_000, "JSON_INVALID"),
        (b'{"requestId": NaN}', "JSON_INVALID"),
        (b'{"requestId":"a","requestId":"b"}', "JSON_INVALID"),
        (b"[]", "REQUEST_INVALID"),
        (b'{"requestId":"\\u0000"}', "REQUEST_INVALID"),
        (b'{"queue":{"version":"99999999999999999999"}}', "REQUEST_INVALID"),
        (b'{"queue":[]}', "REQUEST_INVALID"),
    ],
)
async def test_malformed_body_is_refused(house: Any, content: bytes, reason: str) -> None:
    headers = house.as_role() | {"content-type": "application/json"}
    answer = await house.http.post("/v1/queues", content=content, headers=headers)
    assert answer.status_code == 400 and answer.json()["reason"] == reason
    assert not house.world.seen["CreateQueue"]


@pytest.mark.parametrize("state", ["\\ud800", "\\u0000", "NO_SUCH_STATE", "7777"])
async def test_state_nobody_can_have_is_refused(house: Any, state: str) -> None:
    headers = house.as_role("agent") | {"content-type": "application/json"}
    answer = await house.http.post("/v1/agents/me:setState", content=f'{{"state":"{state}"}}', headers=headers)
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "state"


async def test_other_media_type_path_and_method_are_refused(house: Any) -> None:
    headers = house.as_role()
    form = await house.http.post("/v1/queues", data={"a": "b"}, headers=headers)
    assert form.status_code == 415 and form.json()["reason"] == "MEDIA_TYPE_UNSUPPORTED"
    nowhere = await house.http.get("/v1/nowhere", headers=headers)
    assert nowhere.status_code == 404 and nowhere.json()["reason"] == "ROUTE_NOT_FOUND"
    method = await house.http.put("/v1/queues", headers=headers)
    assert method.status_code == 405 and method.headers["allow"] == "GET, HEAD, POST"
    internal = await house.http.post("/v1/contacts:enqueue", json={}, headers=headers)
    assert internal.status_code == 404


async def test_bug_behind_the_edge_tells_nothing(house: Any) -> None:
    answer = await house.http.get("/v1/queues/que_1", headers=house.as_role())
    assert answer.status_code == 500 and answer.json()["reason"] == "INTERNAL" and "secret" not in answer.text


async def test_neighbour_that_is_away_is_503_with_a_time_to_come_back(house: Any) -> None:
    house.world.fail = Unavailable("the database is away")
    answer = await house.http.get("/v1/queues", headers=house.as_role())
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"


async def test_missing_credentials_are_401_and_say_how(house: Any) -> None:
    answer = await house.http.get("/v1/queues")
    assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["reason"] == "UNAUTHENTICATED"


async def test_public_route_is_open_even_with_a_stale_token(house: Any) -> None:
    answer = await house.http.get("/v1/plans", headers=house.as_role(seconds=-600))
    assert answer.status_code == 200
    assert house.world.seen["ListPlans"][0][0].role == "stranger"


async def test_tokens_work_while_tenancy_is_away(house: Any) -> None:
    headers = house.as_role()
    assert (await house.http.get("/v1/queues", headers=headers)).status_code == 200
    await house.rpc._servers[0].stop()
    assert (await house.http.get("/v1/queues", headers=house.as_role("owner"))).status_code == 200


async def test_forged_key_id_does_not_flood_tenancy(house: Any) -> None:
    stranger = type(house.world.signer)()
    for _ in range(20):
        forged = {"authorization": f"Bearer {stranger.token('owner')}"}
        assert (await house.http.get("/v1/queues", headers=forged)).status_code == 401
    assert house.world.signing_keys_asked <= 3


async def test_api_key_does_what_its_scopes_say_and_stops_when_revoked(house: Any) -> None:
    house.world.add_key("mrk_abc", "queues.read", "api_keys.write")
    for headers in ({"authorization": "Bearer mrk_abc"}, {"x-api-key": "mrk_abc"}):
        assert (await house.http.get("/v1/queues", headers=headers)).status_code == 200
    refused = await house.http.post("/v1/queues", json=QUEUE, headers={"x-api-key": "mrk_abc"})
    assert refused.status_code == 403
    keys = await house.http.get("/v1/apiKeys", headers={"x-api-key": "mrk_abc"})
    assert keys.status_code == 403, "a key never carries api_keys.write"
    assert len(house.world.seen["VerifyApiKey"]) == 1, "the answer is remembered"
    await house.http.post("/v1/apiKeys/key_abc:revoke", headers=house.as_role())
    assert (await house.http.get("/v1/queues", headers={"x-api-key": "mrk_abc"})).status_code == 401


async def test_key_of_a_company_whose_plan_has_no_keys_is_told_so_and_asked_about_once(house: Any) -> None:
    house.world.add_key("mrk_abc", "queues.read")
    house.world.plan = PlanFeatures("bare", frozenset(), {"api": "starter"})
    for _ in range(3):
        refused = await house.http.get("/v1/queues", headers={"x-api-key": "mrk_abc"})
        assert refused.status_code == 409 and refused.json()["reason"] == "FEATURE_NOT_IN_PLAN"
        said = refused.json()["metadata"]
        assert said == {"feature": "api", "plan_id": "bare", "lowest_plan_id": "starter"}
    assert len(house.world.seen["VerifyApiKey"]) == 1
    socket = await house.socket()
    await socket.send(type="hello", token="mrk_abc")
    assert (await socket.next())["problem"]["reason"] == "FEATURE_NOT_IN_PLAN"
    await socket.close()


async def test_recording_streams_whole_and_in_ranges(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    headers, audio = house.as_role("supervisor"), house.world.audio
    whole = await house.http.get("/v1/recordings/rec_1/audio", headers=headers)
    assert whole.content == audio and whole.headers["content-type"] == "audio/ogg"
    assert whole.headers["content-disposition"] == 'inline; filename="rec_1.ogg"'
    for asked, expected in (
        ("bytes=0-9", audio[:10]),
        ("bytes=99990-100010", audio[99990:100011]),
        ("bytes=1048000-", audio[1048000:]),
        ("bytes=-5", audio[-5:]),
    ):
        part = await house.http.get("/v1/recordings/rec_1/audio", headers=headers | {"range": asked})
        assert part.status_code == 206 and part.content == expected
        assert part.headers["content-range"].endswith(f"/{len(audio)}")
    beyond = await house.http.get("/v1/recordings/rec_1/audio", headers=headers | {"range": "bytes=9999999-"})
    assert beyond.status_code == 416 and beyond.headers["content-range"] == f"bytes */{len(audio)}"
    head = await house.http.head("/v1/recordings/rec_1/audio?download=true", headers=headers)
    assert head.headers["content-length"] == str(len(audio)) and head.content == b""
    assert head.headers["content-disposition"].startswith("attachment")
    assert caplog.messages == [], "what is not read to its end is put away in order"


async def test_missing_recording_is_a_problem_not_a_broken_file(house: Any) -> None:
    answer = await house.http.get("/v1/recordings/rec_missing/audio", headers=house.as_role("owner"))
    assert answer.status_code == 404 and answer.json()["status"] == 404


async def test_prompt_is_uploaded_as_json_or_as_a_form(house: Any) -> None:
    audio = bytes(3_000_000)
    body = {"requestId": "r", "prompt": {"displayName": "Hi"}, "audio": base64.b64encode(audio).decode()}
    answer = await house.http.post("/v1/prompts", json=body, headers=house.as_role())
    assert answer.status_code == 200 and answer.json()["sizeBytes"] == "3000000"
    form = {"requestId": "r2", "displayName": "Hi", "language": "tr"}
    answer = await house.http.post(
        "/v1/prompts", data=form, files={"audio": ("hi.wav", audio)}, headers=house.as_role()
    )
    assert answer.status_code == 200 and answer.json()["sizeBytes"] == "3000000"
    _, request = house.world.seen["CreatePrompt"][1]
    assert (request.request_id, request.prompt.display_name, request.prompt.language) == ("r2", "Hi", "tr")
    large = await house.http.post("/v1/prompts", files={"audio": ("x", bytes(5_000_000))}, headers=house.as_role())
    assert large.status_code == 413


async def test_carriers_event_comes_in_byte_for_byte_with_what_it_was_signed_by(house: Any) -> None:
    body = b'{ "data": {"id":"po-9"} , "strange": 1 }'
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1772442000", "webhook-signature": "v1,AAAA"}
    answer = await house.http.post("/v1/carrier:event", content=body, headers=headers)
    assert answer.status_code == 200
    who, request = house.world.seen["ReceiveCarrierEvent"][0]
    assert (who.role, request.body, request.webhook_id) == ("stranger", body, "msg_1")
    assert (request.webhook_timestamp, request.webhook_signature) == ("1772442000", "v1,AAAA")


async def test_prompts_own_media_type_can_not_make_it_a_page(house: Any) -> None:
    answer = await house.http.get("/v1/prompts/prm_1/audio", headers=house.as_role())
    assert answer.content == b"RIFF1234" and answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_too_many_requests_are_told_when_to_come_back(make_house: Any) -> None:
    house = await make_house(requests_per_second=1)
    headers = house.as_role()
    answers = [await house.http.get("/v1/queues", headers=headers) for _ in range(6)]
    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    assert answers[-1].status_code == 429 and int(answers[-1].headers["retry-after"]) >= 1
    assert (await house.http.get("/v1/queues", headers=house.as_role("owner"))).status_code == 200


async def test_sign_in_has_a_stricter_limit(make_house: Any) -> None:
    house = await make_house(sign_ins_per_minute=4)
    body = {"email": "a@example.com", "password": "wrong"}
    codes = [(await house.http.post("/v1/sessions:signIn", json=body)).status_code for _ in range(3)]
    assert codes == [401, 401, 429]


async def test_health_and_readiness(house: Any) -> None:
    assert (await house.http.get("/healthz")).status_code == 200
    ready = await house.http.get("/readyz")
    assert ready.status_code == 200 and json.loads(ready.content)["ready"] is True


async def _until(condition: Any, seconds: float = 3.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)

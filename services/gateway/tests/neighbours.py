"""Real gRPC servers that stand where the other services would, answering what a test told them to."""

# The generated bases are abstract and allow synchronous servicers; these neighbours serve what the tests ask for.
# pyright: reportAbstractUsage=false, reportIncompatibleMethodOverride=false

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.auth import principal
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from kernel.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, Unauthenticated
from kernel.features import Feature, PlanFeatures
from kernel.tenant import PLATFORM, Principal
from merkez.engagement.v1 import customer_pb2, customer_service_pb2_grpc
from merkez.flows.v1 import flow_pb2, flow_service_pb2, flow_service_pb2_grpc
from merkez.recording.v1 import recording_service_pb2, recording_service_pb2_grpc
from merkez.routing.v1 import (
    contact_pb2,
    contact_service_pb2,
    contact_service_pb2_grpc,
    queue_pb2,
    queue_service_pb2,
    queue_service_pb2_grpc,
    simulation_service_pb2,
    simulation_service_pb2_grpc,
)
from merkez.telephony.v1 import (
    call_pb2,
    call_service_pb2,
    call_service_pb2_grpc,
    media_service_pb2,
    media_service_pb2_grpc,
)
from merkez.tenancy.v1 import (
    number_service_pb2,
    number_service_pb2_grpc,
    plan_service_pb2,
    plan_service_pb2_grpc,
    porting_service_pb2_grpc,
    session_pb2,
    session_service_pb2,
    session_service_pb2_grpc,
    tenant_pb2,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
)

TENANT = "ten_01jd3v9k8r5x7m2p4q6s8t0w1y"
OTHER_TENANT = "ten_01jd3v9k8r5x7m2p4q6s8t0w1z"
WIDGET_KEY = "wk_public"
CALL_ID = "call_01jd3v9k8r5x7m2p4q6s8t0w1y"


class SignInRefused(Unauthenticated):
    """As tenancy says it."""

    reason = "SIGN_IN_REFUSED"


class ApiKeyRefused(Unauthenticated):
    """As tenancy says it."""

    reason = "API_KEY_REFUSED"


class NotTalking(FailedPrecondition):
    """As telephony says it."""

    reason = "CALL_NOT_TALKING"


class Signer:
    """Access tokens as tenancy makes them."""

    def __init__(self) -> None:
        self.key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA"}, auto_kid=True)

    def token(self, role: str = "admin", subject: str = "", *, seconds: float = 300, **claims: Any) -> str:
        """A signed token; `claims` replace any of its own."""
        now = time.time()
        home = PLATFORM if role == "operator" else TENANT
        content = {
            "iss": "merkez", "aud": "merkez", "sub": subject or f"usr_{role}", "tenant": home, "role": role,
            "name": "Olivia", "iat": now, "exp": now + seconds,
        } | claims  # fmt: skip
        return jwt.encode({"alg": "EdDSA", "kid": self.key.kid}, content, self.key, algorithms=["EdDSA"])

    def published(self) -> str:
        """Its public half, as tenancy publishes it."""
        return json.dumps(KeySet([self.key]).as_dict(private=False))


class World:
    """What the neighbours know and saw."""

    def __init__(self) -> None:
        self.signer = Signer()
        self.seen: dict[str, list[tuple[Principal, Any]]] = defaultdict(list)
        self.keys: dict[str, session_service_pb2.VerifyApiKeyResponse] = {}
        self.plan = PlanFeatures("scale", frozenset(Feature), {})
        self.audit: list[tuple[str, session_pb2.AuditEntry]] = []
        self.audio = bytes(range(256)) * 4096
        self.desktop = contact_service_pb2.GetMyDesktopResponse()
        self.screen_pop_wait = 0.0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.signing_keys_asked = 0
        self.fail: Exception | None = None

    def note(self, name: str, request: Any) -> None:
        """A servicer was called."""
        self.seen[name].append((principal(), request))
        if self.fail is not None:
            raise self.fail

    def add_key(self, secret: str, *scopes: str) -> None:
        """An API key that works."""
        key = session_pb2.ApiKey(api_key_id=f"key_{secret[4:]}", display_name="CRM", scopes=scopes)
        self.keys[secret] = session_service_pb2.VerifyApiKeyResponse(tenant_id=TENANT, api_key=key)

    def servicers(self) -> dict[str, list[tuple[Any, Any]]]:
        """Service -> what it serves."""
        return {
            "tenancy": [
                (session_service_pb2_grpc.add_SessionServiceServicer_to_server, Sessions(self)),
                (session_service_pb2_grpc.add_ApiKeyServiceServicer_to_server, Keys(self)),
                (number_service_pb2_grpc.add_NumberServiceServicer_to_server, Numbers(self)),
                (plan_service_pb2_grpc.add_PlanServiceServicer_to_server, Plans(self)),
                (porting_service_pb2_grpc.add_CarrierServiceServicer_to_server, Carriers(self)),
                (tenant_service_pb2_grpc.add_TenantServiceServicer_to_server, Tenants(self)),
            ],
            "routing": [
                (queue_service_pb2_grpc.add_QueueServiceServicer_to_server, Queues(self)),
                (contact_service_pb2_grpc.add_AgentServiceServicer_to_server, Agents(self)),
                (contact_service_pb2_grpc.add_ContactServiceServicer_to_server, Contacts(self)),
                (contact_service_pb2_grpc.add_OfferServiceServicer_to_server, Offers(self)),
                (simulation_service_pb2_grpc.add_SimulationServiceServicer_to_server, Simulations(self)),
            ],
            "telephony": [
                (call_service_pb2_grpc.add_CallServiceServicer_to_server, Calls(self)),
                (media_service_pb2_grpc.add_MediaServiceServicer_to_server, Media(self)),
            ],
            "flows": [(flow_service_pb2_grpc.add_PromptServiceServicer_to_server, Prompts(self))],
            "recording": [(recording_service_pb2_grpc.add_RecordingServiceServicer_to_server, Recordings(self))],
            "engagement": [(customer_service_pb2_grpc.add_CustomerServiceServicer_to_server, Customers(self))],
        }

    def session(self) -> session_pb2.Session:
        """A session as tenancy gives it."""
        expires = Timestamp()
        expires.FromDatetime(datetime.fromtimestamp(time.time(), UTC) + timedelta(days=14))
        return session_pb2.Session(
            session_id="ses_1",
            access_token=self.signer.token("owner"),
            refresh_token="refresh-secret",
            refresh_expire_time=expires,
            user=session_pb2.User(user_id="usr_owner", role=session_pb2.ROLE_OWNER),
            tenant_id=TENANT,
        )


class Simulations(simulation_service_pb2_grpc.SimulationServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def SimulateDay(self, request: Any, context: Any) -> Any:
        self.world.note("SimulateDay", request)
        try:
            await self.world.may_answer.wait()
        except asyncio.CancelledError:
            self.world.note("SimulateDay cancelled", request)
            raise
        return simulation_service_pb2.SimulateDayResponse(contacts=3)


class Sessions(session_service_pb2_grpc.SessionServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def GetSigningKeys(self, request: Any, context: Any) -> Any:
        self.world.signing_keys_asked += 1
        return session_service_pb2.GetSigningKeysResponse(jwks_json=self.world.signer.published())

    async def SignIn(self, request: Any, context: Any) -> Any:
        self.world.note("SignIn", request)
        if request.password != "correct horse":
            raise SignInRefused("e-mail or password is wrong")
        return self.world.session()

    async def RefreshSession(self, request: Any, context: Any) -> Any:
        self.world.note("RefreshSession", request)
        if request.refresh_token != "refresh-secret":
            raise SignInRefused("the session is over")
        return self.world.session()

    async def SignOut(self, request: Any, context: Any) -> Any:
        self.world.note("SignOut", request)
        return Empty()


class Keys(session_service_pb2_grpc.ApiKeyServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def VerifyApiKey(self, request: Any, context: Any) -> Any:
        self.world.note("VerifyApiKey", request)
        found = self.world.keys.get(request.secret)
        if found is None:
            raise ApiKeyRefused("the key is not valid")
        self.world.plan.require(Feature.API)
        return found

    async def RevokeApiKey(self, request: Any, context: Any) -> Any:
        self.world.keys = {
            secret: each for secret, each in self.world.keys.items() if each.api_key.api_key_id != request.api_key_id
        }
        return session_pb2.ApiKey(api_key_id=request.api_key_id)


class Numbers(number_service_pb2_grpc.NumberServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def LookupRoute(self, request: Any, context: Any) -> Any:
        self.world.note("LookupRoute", request)
        if request.widget_key != WIDGET_KEY:
            raise NotFound("no such widget")
        answer = number_service_pb2.LookupRouteResponse(tenant_id=TENANT)
        answer.brand.display_name, answer.brand.language = "Acme Travel", "tr"
        answer.number.number, answer.number.flow_id = "+15550100", "flw_1"
        return answer


class Carriers(porting_service_pb2_grpc.CarrierServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def ReceiveCarrierEvent(self, request: Any, context: Any) -> Empty:
        self.world.note("ReceiveCarrierEvent", request)
        return Empty()


class Plans(plan_service_pb2_grpc.PlanServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def ListPlans(self, request: Any, context: Any) -> Any:
        self.world.note("ListPlans", request)
        return plan_service_pb2.ListPlansResponse()


class Tenants(tenant_service_pb2_grpc.TenantServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def SignUp(self, request: Any, context: Any) -> Any:
        return tenant_service_pb2.SignUpResponse(
            tenant=tenant_pb2.Tenant(tenant_id=TENANT), session=self.world.session()
        )


class Queues(queue_service_pb2_grpc.QueueServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def CreateQueue(self, request: Any, context: Any) -> Any:
        self.world.note("CreateQueue", request)
        if not request.queue.display_name:
            wrong = FieldViolation("queue.display_name", "is required")
            raise InvalidInput("queue.display_name is required", fields=[wrong])
        return queue_pb2.Queue(queue_id="que_1", display_name=request.queue.display_name)

    async def ListQueues(self, request: Any, context: Any) -> Any:
        self.world.note("ListQueues", request)
        return queue_service_pb2.ListQueuesResponse(queues=[queue_pb2.Queue(queue_id="que_1")])

    async def UpdateQueue(self, request: Any, context: Any) -> Any:
        self.world.note("UpdateQueue", request)
        return request.queue

    async def DeleteQueue(self, request: Any, context: Any) -> Any:
        self.world.note("DeleteQueue", request)
        return Empty()

    async def GetQueue(self, request: Any, context: Any) -> Any:
        raise RuntimeError("a bug with a secret in its text")


class Agents(contact_service_pb2_grpc.AgentServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def GetMyDesktop(self, request: Any, context: Any) -> Any:
        self.world.note("GetMyDesktop", request)
        return self.world.desktop

    async def SetMyState(self, request: Any, context: Any) -> Any:
        self.world.note("SetMyState", request)
        return contact_pb2.Agent(agent_id=principal().subject, state=request.state)


class Contacts(contact_service_pb2_grpc.ContactServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def GetWaitEstimate(self, request: Any, context: Any) -> Any:
        self.world.note("GetWaitEstimate", request)
        found = contact_pb2.WaitEstimate(position=2)
        found.expected_wait.seconds = 90
        found.expected_wait_low.seconds, found.expected_wait_high.seconds = 60, 150
        return found


class Offers(contact_service_pb2_grpc.OfferServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def AcceptOffer(self, request: Any, context: Any) -> Any:
        self.world.note("AcceptOffer", request)
        return contact_pb2.Offer(offer_id=request.offer_id, agent_id=principal().subject)


class Media(media_service_pb2_grpc.MediaServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def GetIceServers(self, request: Any, context: Any) -> Any:
        self.world.note("GetIceServers", request)
        server = media_service_pb2.IceServer(
            urls=["turn:turn.example.com:3478"], username="1:ten/guest", credential="word"
        )
        answer = media_service_pb2.GetIceServersResponse(ice_servers=[server])
        answer.expire_time.FromJsonString("2026-01-31T10:30:00Z")
        return answer


class Calls(call_service_pb2_grpc.CallServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def StartWebCall(self, request: Any, context: Any) -> Any:
        self.world.note("StartWebCall", request)
        await self.world.may_answer.wait()
        return call_service_pb2.StartWebCallResponse(
            call_id=CALL_ID, leg_id="leg_1", sdp_answer="answer", leg_token="leg-secret", tenant_id=TENANT,
            caller_number=request.caller_number,
        )  # fmt: skip

    async def ReattachLeg(self, request: Any, context: Any) -> Any:
        self.world.note("ReattachLeg", request)
        found = call_service_pb2.ReattachLegResponse(
            call_id=CALL_ID, leg_id="leg_1", sdp_answer="again" if request.sdp_offer else "",
            state=call_pb2.CALL_STATE_TALKING, tenant_id=TENANT,
        )  # fmt: skip
        found.answer_time.FromJsonString("2026-01-31T09:30:00Z")
        return found

    async def HangUp(self, request: Any, context: Any) -> Any:
        self.world.note("HangUp", request)
        return call_pb2.Call(call_id=request.call_id)

    async def SendDigits(self, request: Any, context: Any) -> Any:
        self.world.note("SendDigits", request)
        return Empty()

    async def SuperviseCall(self, request: Any, context: Any) -> Any:
        return call_pb2.Call(call_id=request.call_id)

    async def TakeOverCall(self, request: Any, context: Any) -> Any:
        return call_pb2.Call(call_id=request.call_id)

    async def HoldCall(self, request: Any, context: Any) -> Any:
        raise NotTalking("nobody talks", metadata={"call_id": request.call_id})


class Prompts(flow_service_pb2_grpc.PromptServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def CreatePrompt(self, request: Any, context: Any) -> Any:
        self.world.note("CreatePrompt", request)
        return flow_pb2.Prompt(prompt_id="prm_1", size_bytes=len(request.audio))

    async def GetPromptAudio(self, request: Any, context: Any) -> Any:
        return flow_service_pb2.GetPromptAudioResponse(audio=b"RIFF1234", content_type="text/html")


class Recordings(recording_service_pb2_grpc.RecordingServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def GetRecordingAudio(self, request: Any, context: Any) -> Any:
        self.world.note("GetRecordingAudio", request)
        if request.recording_id == "rec_missing":
            raise NotFound("no such recording")
        audio, step = self.world.audio, 100_000
        for start in range(0, len(audio), step):
            first = {"total_bytes": len(audio), "content_type": "audio/ogg"} if start == 0 else {}
            yield recording_service_pb2.RecordingAudioChunk(data=audio[start : start + step], **first)


class Customers(customer_service_pb2_grpc.CustomerServiceServicer):
    def __init__(self, world: World):
        self.world = world

    async def GetScreenPop(self, request: Any, context: Any) -> Any:
        self.world.note("GetScreenPop", request)
        await asyncio.sleep(self.world.screen_pop_wait)
        return customer_pb2.ScreenPop(customer=customer_pb2.Customer(customer_id=request.customer_id), contact_count=3)

"""The services behind the edge: every public rpc by its descriptor, and the few calls the gateway makes for itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from chassis.auth import acting_for
from chassis.grpc import Peers
from google.protobuf.message import Message
from merkez.engagement.v1.customer_pb2 import ScreenPop
from merkez.engagement.v1.customer_service_pb2 import GetScreenPopRequest
from merkez.engagement.v1.customer_service_pb2_grpc import CustomerServiceStub
from merkez.routing.v1.contact_pb2 import WaitEstimate
from merkez.routing.v1.contact_service_pb2 import (
    GetMyDesktopRequest,
    GetMyDesktopResponse,
    GetWaitEstimateRequest,
)
from merkez.routing.v1.contact_service_pb2_grpc import AgentServiceStub, ContactServiceStub
from merkez.telephony.v1.call_pb2 import Call
from merkez.telephony.v1.call_service_pb2 import (
    HangUpRequest,
    ReattachLegRequest,
    ReattachLegResponse,
    SendDigitsRequest,
    StartWebCallRequest,
    StartWebCallResponse,
)
from merkez.telephony.v1.call_service_pb2_grpc import CallServiceStub
from merkez.telephony.v1.media_service_pb2 import GetIceServersRequest, GetIceServersResponse
from merkez.telephony.v1.media_service_pb2_grpc import MediaServiceStub
from merkez.tenancy.v1.number_service_pb2 import LookupRouteRequest, LookupRouteResponse
from merkez.tenancy.v1.number_service_pb2_grpc import NumberServiceStub
from merkez.tenancy.v1.session_service_pb2 import (
    GetSigningKeysRequest,
    VerifyApiKeyRequest,
    VerifyApiKeyResponse,
)
from merkez.tenancy.v1.session_service_pb2_grpc import ApiKeyServiceStub, SessionServiceStub

from gateway.contracts import Method

CLIENT_ADDRESS = "x-client-address"
DEADLINE_SECONDS = 10.0
_PATIENCE = {
    "merkez.routing.v1.SimulationService.SimulateDay": 130.0,
    "merkez.flows.v1.NumberListService.ImportNumberListEntries": 60.0,
    "merkez.billing.v1.InvoiceService.GetInvoiceDocument": 30.0,
    "merkez.billing.v1.InvoiceService.GetCreditNoteDocument": 30.0,
    "merkez.billing.v1.InvoiceOperatorService.GetTenantInvoiceDocument": 30.0,
}
"""Seconds for rpcs that work longer than others."""
STREAM_SECONDS = 600.0


class Neighbours:
    """Calls onward. Who they are made as is what `acting_as` or `acting_for` around them says."""

    def __init__(self, peers: Peers):
        self._peers = peers
        self._calls: dict[str, Any] = {}

    async def call(self, method: Method, request: Message, *, client_address: str = "") -> Message:
        """One answer of a public rpc; raises kernel errors. `client_address` lets tenancy count guessed passwords
        by where they come from."""
        # gRPC takes printable ASCII only, and what a proxy or a Unix socket calls an address may be anything.
        told = client_address.isascii() and client_address.isprintable() and client_address
        metadata = ((CLIENT_ADDRESS, client_address),) if told else ()
        patience = _PATIENCE.get(method.full_name, DEADLINE_SECONDS)
        return await self._callable(method)(request, timeout=patience, metadata=metadata)

    def stream(self, method: Method, request: Message) -> AsyncGenerator[Message, None]:
        """The answers of a public rpc that streams; raises kernel errors while it is read."""
        return self._callable(method)(request, timeout=STREAM_SECONDS)

    async def ready(self, service: str) -> bool:
        """Whether the service can be reached within a second."""
        return await self._peers.ready(service, 1.0)

    def _callable(self, method: Method) -> Any:
        found = self._calls.get(method.full_name)
        if found is None:
            channel = self._peers.stub(lambda channel: channel, method.owner)
            kind = channel.unary_stream if method.streams else channel.unary_unary
            found = self._calls[method.full_name] = kind(
                method.path,
                request_serializer=method.request_type.SerializeToString,
                response_deserializer=method.response_type.FromString,
            )
        return found

    async def signing_keys(self) -> str:
        """JWKS JSON of the keys that access tokens are signed with."""
        with acting_for(""):
            stub = self._peers.stub(SessionServiceStub, "tenancy")
            return (await stub.GetSigningKeys(GetSigningKeysRequest(), timeout=3)).jwks_json

    async def verify_api_key(self, secret: str) -> VerifyApiKeyResponse:
        """Whose API key this is."""
        with acting_for(""):
            stub = self._peers.stub(ApiKeyServiceStub, "tenancy")
            return await stub.VerifyApiKey(VerifyApiKeyRequest(secret=secret), timeout=3)

    async def look_up_widget(self, widget_key: str) -> LookupRouteResponse:
        """Where a widget's calls lead."""
        with acting_for(""):
            stub = self._peers.stub(NumberServiceStub, "tenancy")
            return await stub.LookupRoute(LookupRouteRequest(widget_key=widget_key), timeout=3)

    async def screen_pop(self, customer_id: str, timeout: float) -> ScreenPop:
        """What an agent should see about a customer."""
        stub = self._peers.stub(CustomerServiceStub, "engagement")
        return await stub.GetScreenPop(GetScreenPopRequest(customer_id=customer_id), timeout=timeout)

    async def my_desktop(self) -> GetMyDesktopResponse:
        """The acting user as an agent."""
        stub = self._peers.stub(AgentServiceStub, "routing")
        return await stub.GetMyDesktop(GetMyDesktopRequest(), timeout=2)

    async def start_web_call(self, tenant_id: str, request: StartWebCallRequest) -> StartWebCallResponse:
        """A customer's browser calls."""
        with acting_for(tenant_id):
            return await self._calls_stub().StartWebCall(request, timeout=DEADLINE_SECONDS)

    async def reattach_leg(self, tenant_id: str, request: ReattachLegRequest) -> ReattachLegResponse:
        """A customer's browser comes back to its call."""
        with acting_for(tenant_id):
            return await self._calls_stub().ReattachLeg(request, timeout=DEADLINE_SECONDS)

    async def ice_servers(self, tenant_id: str) -> GetIceServersResponse:
        """STUN and TURN servers for a customer's browser."""
        with acting_for(tenant_id):
            stub = self._peers.stub(MediaServiceStub, "telephony")
            return await stub.GetIceServers(GetIceServersRequest(), timeout=2)

    async def wait_estimate(self, tenant_id: str, contact_id: str) -> WaitEstimate:
        """Place and expected wait of a waiting customer."""
        with acting_for(tenant_id):
            stub = self._peers.stub(ContactServiceStub, "routing")
            return await stub.GetWaitEstimate(GetWaitEstimateRequest(contact_id=contact_id), timeout=3)

    async def hang_up(self, tenant_id: str, call_id: str) -> Call:
        """End a customer's own call."""
        with acting_for(tenant_id):
            return await self._calls_stub().HangUp(HangUpRequest(call_id=call_id), timeout=DEADLINE_SECONDS)

    async def send_digits(self, tenant_id: str, call_id: str, digits: str) -> None:
        """Keys a customer pressed on the widget's keypad."""
        with acting_for(tenant_id):
            await self._calls_stub().SendDigits(SendDigitsRequest(call_id=call_id, digits=digits), timeout=3)

    def _calls_stub(self) -> Any:
        return self._peers.stub(CallServiceStub, "telephony")

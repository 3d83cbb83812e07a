"""MediaService: how browsers reach our media when the straight way is closed."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.given import given
from chassis.instants import time_out
from kernel.clock import Clock
from merkez.telephony.v1 import media_service_pb2, media_service_pb2_grpc

from telephony.convert import ice_server_message
from telephony.domain.relays import CREDENTIALS_LAST, servers_for, urls_of
from telephony.settings import TelephonySettings


class MediaHandlers(media_service_pb2_grpc.MediaServiceServicer):
    """MediaService. Knows no row: credentials are worked out anew each time."""

    def __init__(self, settings: TelephonySettings, clock: Clock) -> None:
        self._urls = urls_of(settings.turn_urls)
        self._secret = given(settings, "turn_secret")
        self._clock = clock

    async def GetIceServers(
        self, request: media_service_pb2.GetIceServersRequest, context: Any
    ) -> media_service_pb2.GetIceServersResponse:
        who = principal()
        expires = self._clock.now().replace(microsecond=0) + CREDENTIALS_LAST
        # A customer has no name of their own: their gateway asks for them.
        name = f"{who.tenant_id}/{'guest' if who.role == 'service' else who.subject}"
        return media_service_pb2.GetIceServersResponse(
            ice_servers=map(ice_server_message, servers_for(self._urls, self._secret(), name, expires)),
            expire_time=time_out(expires),
        )

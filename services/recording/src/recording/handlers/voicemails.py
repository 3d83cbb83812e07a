"""gRPC servicer of the messages that were left for agents and queues."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token
from chassis.sql import Database
from kernel.ids import require_id
from merkez.recording.v1 import recording_pb2, recording_service_pb2, voicemail_service_pb2, voicemail_service_pb2_grpc

from recording import convert, ops
from recording.clients import Routing
from recording.domain.recordings import Mailboxes
from recording.handlers.recordings import audio_chunks
from recording.library import Library

_ALL = "recordings.read"
"""Who may hear every recording may hear every message."""


class Voicemails(voicemail_service_pb2_grpc.VoicemailServiceServicer):
    """merkez.recording.v1.VoicemailService."""

    def __init__(self, db: Database, library: Library, routing: Routing):
        self._db, self._library, self._routing = db, library, routing

    async def ListVoicemails(
        self, request: voicemail_service_pb2.ListVoicemailsRequest, context: Any
    ) -> voicemail_service_pb2.ListVoicemailsResponse:
        boxes = await self._mailboxes()
        found, more, unheard = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_voicemails(
                tx, boxes, unheard_only=request.unheard_only, token=request.page_token, size=request.page_size
            ),
            read_only=True,
        )
        return voicemail_service_pb2.ListVoicemailsResponse(
            voicemails=[convert.recording_out(value) for value in found],
            next_page_token=encode_token(found[-1].create_time, found[-1].recording_id) if more else "",
            unheard_count=unheard,
        )

    async def MarkVoicemailHeard(
        self, request: voicemail_service_pb2.MarkVoicemailHeardRequest, context: Any
    ) -> recording_pb2.Recording:
        require_id("rec", request.recording_id, "recording_id")
        boxes, who, now = await self._mailboxes(), principal(), self._db.clock.now()
        value = await self._db.run(
            who.tenant_id,
            lambda tx: ops.mark_heard(tx, request.recording_id, boxes, request.heard, who.subject, now),
        )
        return convert.recording_out(value)

    async def GetVoicemailAudio(
        self, request: voicemail_service_pb2.GetVoicemailAudioRequest, context: Any
    ) -> AsyncIterator[recording_service_pb2.RecordingAudioChunk]:
        require_id("rec", request.recording_id, "recording_id")
        boxes = await self._mailboxes()
        value = await self._db.run(
            principal().tenant_id, lambda tx: ops.get_voicemail(tx, request.recording_id, boxes), read_only=True
        )
        async for chunk in audio_chunks(self._library, value):
            yield chunk

    async def _mailboxes(self) -> Mailboxes:
        """Whose messages the caller may hear. Raises Unavailable while routing can't say which queues it serves."""
        who = principal()
        if who.role == "service" or who.may(_ALL):
            return Mailboxes(who.subject, everything=True)
        return Mailboxes(who.subject, await self._routing.queues_served())

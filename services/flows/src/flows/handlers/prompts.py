"""PromptService."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token, page_size
from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from kernel.clock import Clock
from kernel.ids import require_id, require_request_id
from merkez.flows.v1 import flow_pb2, flow_service_pb2, flow_service_pb2_grpc

from flows.clients import Routing
from flows.convert import flows as convert
from flows.ops import prompts as ops
from flows.uploads import Uploads


class PromptServicer(flow_service_pb2_grpc.PromptServiceServicer):
    """Uploading, listing, hearing and deleting prompts."""

    def __init__(self, db: Database, routing: Routing, clock: Clock):
        self._db = db
        self._routing = routing
        self._clock = clock
        self._uploads = Uploads()

    async def CreatePrompt(self, request: flow_service_pb2.CreatePromptRequest, context: Any) -> flow_pb2.Prompt:
        require_request_id(request.request_id)
        sound = await self._uploads.read(request.audio)

        async def create(tx: Any) -> flow_pb2.Prompt:
            async def once() -> flow_pb2.Prompt:
                named = request.prompt
                return convert.to_prompt(
                    await ops.create_prompt(tx, named.display_name, named.language, sound, self._clock.now())
                )

            return await tx.once(request.request_id, "CreatePrompt", request, flow_pb2.Prompt, once)

        return await self._db.run(principal().tenant_id, create)

    async def ListPrompts(
        self, request: flow_service_pb2.ListPromptsRequest, context: Any
    ) -> flow_service_pb2.ListPromptsResponse:
        size = page_size(request.page_size)
        found = await self._db.run(
            principal().tenant_id, lambda tx: ops.list_prompts(tx, request.page_token, size), read_only=True
        )
        page = found[:size]
        token = encode_token(page[-1].create_time, page[-1].prompt_id) if len(found) > size else ""
        return flow_service_pb2.ListPromptsResponse(
            prompts=[convert.to_prompt(prompt) for prompt in page], next_page_token=token
        )

    async def DeletePrompt(self, request: flow_service_pb2.DeletePromptRequest, context: Any) -> Empty:
        prompt_id = require_id("prm", request.prompt_id, "prompt_id")
        playing = await self._routing.queues_playing(prompt_id)
        await self._db.run(principal().tenant_id, lambda tx: ops.delete_prompt(tx, prompt_id, playing))
        return Empty()

    async def GetPromptAudio(
        self, request: flow_service_pb2.GetPromptAudioRequest, context: Any
    ) -> flow_service_pb2.GetPromptAudioResponse:
        prompt_id = require_id("prm", request.prompt_id, "prompt_id")
        sound = await self._db.run(principal().tenant_id, lambda tx: ops.get_sound(tx, prompt_id), read_only=True)
        return flow_service_pb2.GetPromptAudioResponse(
            audio=sound.audio, content_type=sound.content_type, digest=sound.digest
        )

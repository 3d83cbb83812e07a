"""Raw bytes over HTTP: recordings as they stream out of their service, prompts as they were uploaded; with Range."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from google.protobuf.message import Message
from kernel.errors import Unavailable
from merkez.flows.v1.flow_service_pb2 import GetPromptAudioResponse
from merkez.recording.v1.recording_service_pb2 import RecordingAudioChunk
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.problems import RangeInvalid, problem_response

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_AUDIO = re.compile(r"audio/[a-z0-9.+-]{1,40}")
_EXTENSIONS = {"audio/ogg": "ogg", "audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3"}


class AudioCutShort(Unavailable):
    """The service stopped before the first byte came."""

    reason = "AUDIO_CUT_SHORT"


@dataclass(frozen=True)
class Piece:
    """Which bytes of a file are asked for: first and last, both included."""

    first: int
    last: int
    total: int
    partial: bool

    @property
    def length(self) -> int:
        """How many bytes that is."""
        return self.last - self.first + 1


def piece_of(header: str | None, total: int) -> Piece:
    """What a Range header asks for (RFC 9110 14.2). Anything but one range of bytes is ignored, as it may be."""
    whole = Piece(0, total - 1, total, False)
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or not (found[1] or found[2]):
        return whole
    if not found[1]:
        count = int(found[2])
        first, last = max(0, total - count), total - 1
        if count == 0:
            first = total
    else:
        first, last = int(found[1]), min(int(found[2]) if found[2] else total - 1, total - 1)
        if found[2] and int(found[2]) < first:
            return whole
    if first >= total:
        raise RangeInvalid("the range begins after the end of the file", metadata={"total": str(total)})
    return Piece(first, last, total, True)


async def audio_response(request: Request, name: str, answers: AsyncGenerator[Message, None]) -> Response:
    """The HTTP answer of a stream of audio pieces, or of one answer that holds all of it."""
    try:
        head = await anext(answers)
    except StopAsyncIteration:
        raise AudioCutShort("the audio ended before it began") from None
    if isinstance(head, GetPromptAudioResponse):
        data, total, kind = head.audio, len(head.audio), head.content_type
    else:
        assert isinstance(head, RecordingAudioChunk)
        data, total, kind = head.data, head.total_bytes, head.content_type or "audio/ogg"
    etag = f'"{name}"'
    conditional = request.headers.get("if-range")
    try:
        piece = piece_of(request.headers.get("range") if conditional in (None, etag) else None, total)
    except RangeInvalid as error:
        await answers.aclose()
        return problem_response(error, {"Content-Range": f"bytes */{total}"})
    kind = kind if _AUDIO.fullmatch(kind) else "application/octet-stream"
    headers = _headers(request, name, kind, etag, piece)
    status = 206 if piece.partial else 200
    if request.method == "HEAD":
        await answers.aclose()
        return Response(None, status, headers, kind)
    return StreamingResponse(_cut(data, answers, piece), status, headers, kind)


def _headers(request: Request, name: str, kind: str, etag: str, piece: Piece) -> dict[str, str]:
    disposition = "attachment" if request.query_params.get("download") == "true" else "inline"
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(piece.length),
        "Content-Disposition": f'{disposition}; filename="{name}.{_EXTENSIONS.get(kind, "bin")}"',
        "Cache-Control": "private, no-store",
        "ETag": etag,
        # What a tenant uploaded is never run as a page of ours.
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if piece.partial:
        headers["Content-Range"] = f"bytes {piece.first}-{piece.last}/{piece.total}"
    return headers


async def _cut(head: bytes, answers: AsyncGenerator[Message, None], piece: Piece) -> AsyncIterator[bytes]:
    position, sent = 0, 0
    data = head
    async with aclosing(answers):
        while True:
            begin = max(0, piece.first - position)
            end = min(len(data), piece.last + 1 - position)
            if begin < end:
                sent += end - begin
                yield data[begin:end]
            position += len(data)
            if sent >= piece.length:
                return
            try:
                answer = await anext(answers)
            except StopAsyncIteration:
                # Content-Length was promised: end the connection, so that nobody takes a part for the whole.
                raise AudioCutShort("the audio ended too early") from None
            assert isinstance(answer, RecordingAudioChunk)
            data = answer.data

"""One WebSocket as both kinds of sockets use it: JSON in, a bounded queue out, one close with a reason.

Nothing that is pushed waits for the other end: a message is queued, or, when the queue is full, the connection is
dropped and its client comes back and reads the state anew. An item may be still in the making (an offer whose screen
pop is being fetched); what follows it keeps its place behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from chassis.telemetry import log
from kernel.errors import InvalidInput
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gateway.problems import note_failure, problem_of
from gateway.transcode import parse_json

MAX_MESSAGE_BYTES = 1_000_000
_SEND_SECONDS = 20.0

# Close codes of our own; RFC 6455 7.4.2 leaves 4000 to 4999 to applications.
BAD_MESSAGE = 4400
UNAUTHENTICATED = 4401
NOT_FOUND = 4404
HELLO_TIMEOUT = 4408
TOO_MANY = 4429
TOO_SLOW = 4430
RESTART = 1012

Handler = Callable[[dict[str, Any]], Awaitable[None]]


class MessageInvalid(InvalidInput):
    """A message over the socket is not of the protocol."""

    reason = "MESSAGE_INVALID"


class Connection:
    """An accepted WebSocket."""

    def __init__(self, websocket: WebSocket, queue_size: int):
        self._websocket = websocket
        self._queue: asyncio.Queue[str | Awaitable[str]] = asyncio.Queue(queue_size)
        self._closing: tuple[int, str] | None = None
        self._ended = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether it is closed or about to be."""
        return self._ended.is_set()

    def push(self, item: str | Awaitable[str]) -> None:
        """Queue a message; drops the connection when its end does not keep up."""
        if self.ended:
            return
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            log.warning("a socket did not keep up and is dropped")
            self.close(TOO_SLOW, "too slow: reconnect and read the state anew")

    async def push_patiently(self, text: str) -> None:
        """Queue a message once half of the queue is free: for what can wait, unlike what happens now."""
        while not self.ended and self._queue.qsize() > self._queue.maxsize // 2:
            await asyncio.sleep(0.01)
        self.push(text)

    def send(self, message: dict[str, Any]) -> None:
        """Queue a JSON message."""
        self.push(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    def refuse(self, error: Exception, where: str, **extra: Any) -> None:
        """Queue a problem."""
        note_failure(error, where)
        self.send({"type": "problem", "problem": problem_of(error)} | extra)

    def close(self, code: int, reason: str) -> None:
        """End the connection; what is queued before goes out first when it goes at once."""
        if self._closing is None:
            self._closing = (code, reason)
        self._ended.set()

    async def run(self, handle: Handler, *watches: Coroutine[Any, Any, None]) -> None:
        """Read and write until one end closes. `watches` run beside it and end with it."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Task[Any] = loop.create_task(self._ended.wait())
        essential = [loop.create_task(self._read(handle)), loop.create_task(self._write()), ended]
        tasks = [*essential, *(loop.create_task(watch) for watch in watches)]
        try:
            await asyncio.wait(essential, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ended.set()
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                    log.error("a socket failed", exc_info=outcome)
            await self._finish()

    async def _read(self, handle: Handler) -> None:
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                return
            text = received.get("text")
            try:
                message = _decode(text if text is not None else received.get("bytes") or b"")
            except InvalidInput as error:
                self.refuse(error, "socket")
                self.close(BAD_MESSAGE, "not a message of the protocol")
                return
            await handle(message)

    async def _write(self) -> None:
        while True:
            item = await self._queue.get()
            text = item if isinstance(item, str) else await item
            async with asyncio.timeout(_SEND_SECONDS):
                await self._websocket.send_text(text)

    async def _finish(self) -> None:
        # A peer that is gone or stuck must not hold us.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                while self._closing is not None and self._closing[0] != TOO_SLOW and not self._queue.empty():
                    item = self._queue.get_nowait()
                    await self._websocket.send_text(item if isinstance(item, str) else await item)
                if self._websocket.application_state is not WebSocketState.DISCONNECTED:
                    await self._websocket.close(*(self._closing or (1000, "")))


def _decode(content: str | bytes) -> dict[str, Any]:
    message = parse_json(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise MessageInvalid("a message is a JSON object with a type")
    return message

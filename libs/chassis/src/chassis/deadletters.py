"""The facts nobody could work: look at them, and send them once more when their cause is gone.

`python -m chassis.deadletters` lists them (never their payload, which is personal); `... replay [consumer]` puts each
back on its subject with a new message id, past the duplicate window. Its event id stays, so consumers that did work
the fact find it in their inbox and only the one that buried it works it. A fact older than inboxes remember is left
where it is: everybody would work it again.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from kernel.clock import SystemClock
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from chassis.bus import Bus
from chassis.facts import DEAD_STREAM, REPLAY_DAYS
from chassis.settings import ProcessSettings, load
from chassis.telemetry import log

_ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES."


@dataclass(frozen=True)
class DeadLetter:
    """One buried fact. `attempts` 0: it was never tried, being unreadable or deadly."""

    sequence: int
    consumer: str
    subject: str
    event_id: str
    time: str
    reason: str
    attempts: int


async def dead_letters(bus: Bus, consumer: str = "") -> list[DeadLetter]:
    """What is buried, oldest first; of one consumer when named."""
    return [letter async for letter, _ in _read(bus) if consumer in ("", letter.consumer)]


async def replay(bus: Bus, now: datetime, consumer: str = "") -> int:
    """Send what is buried (of one consumer when named) once more and remove it here; gives how many."""
    sent, oldest_time = 0, now - timedelta(days=REPLAY_DAYS)
    async for letter, original in _read(bus):
        if consumer not in ("", letter.consumer):
            continue
        if _before(letter, oldest_time):
            log.error("a dead fact is too old to be replayed", event_id=letter.event_id, consumer=letter.consumer)
            continue
        kept = {name: value for name, value in (original.headers or {}).items() if not name.startswith("merkez-dead-")}
        kept["Nats-Msg-Id"] = f"{letter.event_id}:replay-{letter.sequence}"
        await bus.jetstream.publish(letter.subject, original.data or b"", headers=kept)
        await bus.jetstream.delete_msg(DEAD_STREAM, letter.sequence)
        sent += 1
    return sent


def _before(letter: DeadLetter, time: datetime) -> bool:
    try:
        return datetime.fromisoformat(letter.time) < time
    except (ValueError, TypeError):  # nobody could read it, so nobody worked it
        return False


async def _read(bus: Bus) -> AsyncIterator[tuple[DeadLetter, RawStreamMsg]]:
    # Who looks mustn't make or correct the stream: by their settings, not the services', it could lose its copies.
    try:
        state = (await bus.jetstream.stream_info(DEAD_STREAM)).state
    except NotFoundError:  # nobody ever buried one
        return
    for sequence in range(max(1, state.first_seq), state.last_seq + 1):
        try:
            buried = await bus.jetstream.get_msg(DEAD_STREAM, seq=sequence)
            yield await _letter(bus, sequence, buried)
        except NotFoundError:  # replayed before, or too old in its own stream
            continue


async def _letter(bus: Bus, sequence: int, buried: RawStreamMsg) -> tuple[DeadLetter, RawStreamMsg]:
    if (buried.subject or "").startswith(_ADVISORY):
        # Delivered to the last without an end: the server tells where it lies, not what it is.
        told = json.loads(buried.data or b"{}")
        original = await bus.jetstream.get_msg(told["stream"], seq=told["stream_seq"])
        headers = {"merkez-dead-consumer": told["consumer"], "merkez-dead-reason": "MAX_DELIVERIES"}
        headers |= {"merkez-dead-subject": original.subject or ""} | dict(original.headers or {})
    else:
        original, headers = buried, dict(buried.headers or {})
    letter = DeadLetter(
        sequence,
        headers.get("merkez-dead-consumer", ""),
        headers.get("merkez-dead-subject", ""),
        headers.get("ce-id", ""),
        headers.get("ce-time", ""),
        headers.get("merkez-dead-reason", ""),
        int(headers.get("merkez-dead-attempts", "0")),
    )
    return letter, original


async def _main(words: list[str]) -> None:
    bus = await Bus.connect(load(ProcessSettings, service="deadletters"))
    try:
        if words[:1] == ["replay"]:
            print(f"replayed: {await replay(bus, SystemClock().now(), *words[1:2])}")
        else:
            for letter in await dead_letters(bus, *words[1:2]):
                print(json.dumps(asdict(letter)))
    finally:
        await bus.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))

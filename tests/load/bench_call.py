"""`make bench-call`: how fast an offer reaches an agent, and how fast answering gives audio.

Prints one JSON object a line. Uses a system of its own with durable storage, on free ports, so that it can run
beside anything; the call is real from the widget's socket to the agent's ears, without a browser.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from merkez_local.console import Console
from merkez_local.system import Options, System
from testkit.company import Company, Problem
from testkit.people import AgentAtDesk, CallerOnWidget

CALLS = 40
AGENT_HERTZ, CUSTOMER_HERTZ = 440, 620


def line(metric: str, value: float, unit: str, goal: float | None) -> None:
    """One figure, in the format of every benchmark here."""
    meets = None if goal is None else value <= goal
    print(json.dumps({"metric": metric, "value": round(value, 2), "unit": unit, "goal": goal, "better": "lower",
                      "meets": meets}), flush=True)  # fmt: skip


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the sample lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


async def heard_at(desk: AgentAtDesk) -> float:
    """Monotonic time at which the last 40 ms first were the customer's tone."""
    while True:
        found = desk.peer.frequencies(seconds=0.04)
        if found and abs(found[0] - CUSTOMER_HERTZ) < 40:
            return time.monotonic()
        await asyncio.sleep(0.002)


async def dialled(company: Company) -> CallerOnWidget:
    """A customer whose call is taken; one address may begin only so many calls a minute, so it waits its turn."""
    while True:
        customer = CallerOnWidget(company, tone=CUSTOMER_HERTZ)
        try:
            await customer.dial()
            return customer
        except Problem as problem:
            await customer.leave()
            if problem.reason != "RATE_LIMITED":
                raise
            await asyncio.sleep(2.0)


async def one_call(company: Company, desk: AgentAtDesk) -> tuple[float, float]:
    """Milliseconds from queued to offer on the socket, and from the answer to audio."""
    since = len(desk.socket.pushed)
    customer = await dialled(company)
    frame = await desk.offered(since=since)
    late = time.monotonic() - frame["received"]
    queued = datetime.fromisoformat(frame["data"]["offer"]["contact"]["queueTime"].replace("Z", "+00:00"))
    offer_ms = (time.time() - late - queued.timestamp()) * 1000
    desk.peer.forget()
    clicked = time.monotonic()
    await desk.answer(frame)
    audio_ms = (await asyncio.wait_for(heard_at(desk), 10) - clicked) * 1000
    await customer.hang_up()
    await desk.event("WrapUpStarted", since=since)
    contact_id = frame["data"]["offer"]["contact"]["contactId"]
    await desk.api.post(f"/v1/contacts/{contact_id}:endWrapUp", {})
    await customer.leave()
    return offer_ms, audio_ms


async def run() -> None:
    """Starts a system, makes the calls, prints the figures."""
    with tempfile.TemporaryDirectory() as folder:
        system = System(Options(data_dir=Path(folder), http_port=0, grpc_port=0), Console(sys.stderr))
        await system.start()
        try:
            company = await (await Company.sign_up(system.url)).set_up()
            queue_id = company.queue["queueId"]
            await company.publish(
                {"start": "wait", "language": "en", "steps": [{"stepId": "wait", "queue": {"queueId": queue_id}}]}
            )
            desk = await AgentAtDesk(await company.hire(), tone=AGENT_HERTZ).sit_down()
            await one_call(company, desk)  # warms speech, caches and pools
            figures = [await one_call(company, desk) for _ in range(CALLS)]
            offers, audio = [list(column) for column in zip(*figures, strict=True)]
            line("contact queued to offer on the agent's socket, p50", statistics.median(offers), "ms", None)
            line("contact queued to offer on the agent's socket, p95", percentile(offers, 0.95), "ms", 100)
            line("answer to audio, warm leg, p50", statistics.median(audio), "ms", None)
            line("answer to audio, warm leg, p95", percentile(audio, 0.95), "ms", 150)
            await desk.leave()
            await company.close()
        finally:
            await system.stop()


if __name__ == "__main__":
    asyncio.run(run())

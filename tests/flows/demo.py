"""`make demo`: two people meet over the running system, in real browsers, and everything is proved by what came out.

Prints a timeline and, last, one JSON line with every figure. Uses the system `make run` started, or says how to.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx
from merkez_local.console import Console
from testkit.browser import chromium
from testkit.journey import AGENT_HERTZ, CUSTOMER_HERTZ, Journey
from testkit.sound import loudest_by_channel

ROOT = Path(__file__).resolve().parents[2]


def running_system() -> str:
    """Address of the running system. Raises `SystemExit` that says how to start one."""
    card = Path(os.environ.get("MERKEZ_LOCAL_DIR", ROOT / ".local")) / "run.json"
    url = os.environ.get("MERKEZ_URL") or (json.loads(card.read_text())["url"] if card.exists() else "")
    try:
        if url and httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
            return url
    except httpx.HTTPError:
        pass
    raise SystemExit("Merkez isn't running: start it with `make run` in another terminal, then repeat `make demo`.")


async def main() -> int:
    """Goes the whole way; returns the exit status."""
    console = Console()
    url = running_system()
    pictures = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    async with chromium() as browser:
        journey = Journey(url, browser, say=console.step, pictures=pictures)
        try:
            await journey.run()
            left, right = loudest_by_channel(await journey.recording())
        finally:
            await journey.close()
    ok = abs(left - CUSTOMER_HERTZ) < 12 and abs(right - AGENT_HERTZ) < 12
    console.step(f"the recording has {left:.0f} Hz on the left (customer) and {right:.0f} Hz on the right (agent)")
    journey.figures["recording_channels_ok"] = ok
    await journey.api.close()
    print(json.dumps(journey.figures))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

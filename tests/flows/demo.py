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
from merkez_local.claim import who_runs
from merkez_local.console import Console
from testkit.browser import chromium
from testkit.journey import AGENT_HERTZ, CUSTOMER_HERTZ, Journey
from testkit.sound import loudest_by_channel

ROOT = Path(__file__).resolve().parents[2]


_WAITS_FOR = {
    "signingKeys": "tenancy, which signs people in",
    "facts": "NATS, which carries the facts",
    "accepting": "the gateway, which is about to stop",
}


def running_system() -> str:
    """Address of the running system. Raises `SystemExit` that says how to start one, or what it still waits for."""
    given = os.environ.get("MERKEZ_URL", "")
    card = who_runs(Path(os.environ.get("MERKEZ_LOCAL_DIR", ROOT / ".local")))
    if not given and card is None:
        raise SystemExit("Merkez isn't running: start it with `make run` in another terminal, then repeat `make demo`.")
    url = given or (card.url if card else "")
    who = f"{url} was given" if given or card is None else f"Merkez runs (process {card.pid}) at {url}"
    try:
        answer = httpx.get(f"{url}/readyz", timeout=5)
    except httpx.HTTPError as error:
        raise SystemExit(f"{who} but doesn't answer ({type(error).__name__}): look at what `make run` says.") from None
    if answer.status_code == 200:
        return url
    try:
        missing = [_WAITS_FOR.get(str(name), str(name)) for name, holds in answer.json()["checks"].items() if not holds]
    except (ValueError, LookupError):
        raise SystemExit(f"What answers at {url} isn't Merkez: status {answer.status_code}.") from None
    raise SystemExit(f"{who} but isn't ready. It waits for {' and '.join(missing)}: repeat `make demo` in a moment.")


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

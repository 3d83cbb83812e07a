"""`merkez-ops doctor`: looks at an installation from outside and says what is wrong, and what to do next.

Each check gives findings in words. What can't be looked at, since nobody said where it is, is a finding too: a clean
bill must not mean that nothing was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kernel.errors import DomainError

from merkez_ops.installation import Installation


class Verdict(StrEnum):
    """How a thing stands."""

    FINE = "fine"
    SKIPPED = "not checked"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was found of one thing. `advice` says what to do next; empty where nothing is to be done."""

    what: str
    verdict: Verdict
    said: str
    advice: str = ""


Check = Callable[[Installation, datetime], AsyncIterator[Finding]]
PATIENCE = 30.0
"""Seconds a check has."""


async def examine(here: Installation, now: Callable[[], datetime], checks: dict[str, Check]) -> list[Finding]:
    """All checks at once, in their order. One that fails itself is a finding."""
    parts = await asyncio.gather(*(_asked(name, check, here, now) for name, check in checks.items()))
    return [finding for part in parts for finding in part]


def fine(what: str, said: str) -> Finding:
    """Nothing is to be done."""
    return Finding(what, Verdict.FINE, said)


def wrong(what: str, said: str, advice: str) -> Finding:
    """Somebody is hurt by it."""
    return Finding(what, Verdict.WRONG, said, advice)


def doubtful(what: str, said: str, advice: str) -> Finding:
    """Nobody is hurt by it yet."""
    return Finding(what, Verdict.DOUBTFUL, said, advice)


def skipped(what: str, advice: str) -> Finding:
    """Nobody said where it is."""
    return Finding(what, Verdict.SKIPPED, "nobody said where it is", advice)


async def _asked(name: str, check: Check, here: Installation, now: Callable[[], datetime]) -> list[Finding]:
    found: list[Finding] = []

    async def collected() -> None:
        async for finding in check(here, now()):
            found.append(finding)

    if problem := await _trouble(collected()):
        found.append(wrong(name, problem, "look at what the lines above and the log of what answers there say"))
    return found


async def _trouble(work: Awaitable[None]) -> str:
    try:
        await asyncio.wait_for(work, PATIENCE)
    except TimeoutError:
        return f"no answer within {PATIENCE:.0f} s"
    except DomainError as error:
        return str(error)
    except Exception as error:  # a check that breaks must not hide what the others found
        return f"could not be looked at: {type(error).__name__}: {error}"
    return ""

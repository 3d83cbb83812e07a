"""This node as a pod of Kubernetes: it says how many calls it holds, so that scaling down takes the idle pod first.

The annotation `controller.kubernetes.io/pod-deletion-cost` is a wish, read when a ReplicaSet shrinks. Nothing waits for
it and no call depends on it: Kubernetes' client, which takes seconds and 130 MB to load, lives in a process of its own
(`pod_worker`) that is told a number now and then. One that dies, or an API server that is away, is told of once and
tried again later. (The drain of a machine is a stop signal, which `handover` answers.)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from chassis.telemetry import log
from chassis.workers import Worker

from telephony.settings import TelephonySettings

SAY_SECONDS = 15.0
"""The API server isn't asked to keep a counter: at most so often, and only what changed."""
_ANSWER_SECONDS = 20.0
_WORKER = "telephony.live.pod_worker"
IDLE_AND_DRAINED = -1
"""A pod that drains and has nothing left goes before one that may get calls any moment."""


class PodCost:
    """The loop `say`. `calls` gives how many calls live here, `draining` whether new ones are refused."""

    def __init__(self, settings: TelephonySettings, calls: Callable[[], int], draining: Callable[[], bool]) -> None:
        self._calls, self._draining = calls, draining
        self._order = {
            "url": settings.kubernetes_url, "account": settings.kubernetes_account,
            "namespace": settings.pod_namespace, "pod": settings.pod_name,
        }  # fmt: skip
        self._worker: Worker | None = None
        self._said: int | None = None
        self._silent = False

    @property
    def cost(self) -> int:
        """What is to be said now."""
        calls = self._calls()
        return calls if calls or not self._draining() else IDLE_AND_DRAINED

    async def say(self) -> None:
        """Say what changed since the last time that was heard. Never raises for Kubernetes' sake."""
        cost = self.cost
        if cost == self._said:
            return
        problem = await self._told(cost)
        if not problem:
            if self._silent:
                log.info("kubernetes hears again how many calls this pod holds")
            self._said, self._silent = cost, False
        elif not self._silent:
            self._silent = True
            log.warning("kubernetes isn't told how many calls this pod holds; calls go on", problem=problem)

    async def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    async def _told(self, cost: int) -> str:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await self._asked(cost)
            return str(answer.get("problem", ""))
        except TimeoutError:
            problem = f"no answer within {_ANSWER_SECONDS:.0f} s"
        except (OSError, ValueError) as error:
            problem = str(error) or type(error).__name__
        with contextlib.suppress(OSError):
            await self.close()  # the next one begins anew
        return problem

    async def _asked(self, cost: int) -> dict[str, Any]:
        if self._worker is None or not self._worker.alive:
            self._worker = await Worker.start(_WORKER)
        self._worker.writer.write(json.dumps(self._order | {"cost": cost}).encode() + b"\n")
        await self._worker.writer.drain()
        line = await self._worker.reader.readline()
        if not line:
            raise OSError("the process that speaks with kubernetes ended")
        found: dict[str, Any] = json.loads(line)
        return found

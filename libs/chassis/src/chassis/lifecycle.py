"""How a process lives: it starts, serves, drains within a bound, and always closes.

Draining refuses new work and waits for live work; closing gives everything back. They are two steps because the
first may time out and the second must still happen.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Protocol, TypeVar

from chassis.settings import SETTINGS_WRONG, ProcessSettings, SettingsError, load
from chassis.telemetry import log, setup_telemetry, shutdown_telemetry


class Closable(Protocol):
    """Anything with an asynchronous close."""

    async def close(self) -> None: ...


C = TypeVar("C", bound=Closable)
S = TypeVar("S", bound=ProcessSettings)


class Tasks:
    """Named background tasks under supervision: a failure is logged, never lost, and a loop goes on."""

    def __init__(self, name: str = "tasks"):
        self._name = name
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run once; an exception is logged under this name."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    def every(self, seconds: float, fn: Callable[[], Awaitable[Any]], name: str) -> asyncio.Task[Any]:
        """Call `fn`, wait `seconds`, repeat. Failures are logged and waited on longer, up to 30 s."""
        return self.spawn(self._loop(seconds, fn, name), name)

    def until_done(self, seconds: float, fn: Callable[[], Awaitable[Any]], name: str) -> asyncio.Task[Any]:
        """Call `fn` once; when it fails, again after `seconds`, until it doesn't."""
        return self.spawn(self._until_done(seconds, fn, name), name)

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        running = [task for task in self._running if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def drain(self) -> None:
        """Wait for what runs, without cancelling."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def __aenter__(self) -> Tasks:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _loop(self, seconds: float, fn: Callable[[], Awaitable[Any]], name: str) -> None:
        failures = 0
        while True:
            try:
                await fn()
                failures = 0
            except Exception:
                failures += 1
                log.exception("background work failed", task=name, failures=failures)
            pause = seconds if not failures else max(seconds, min(30.0, 0.1 * 2**failures))
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))

    async def _until_done(self, seconds: float, fn: Callable[[], Awaitable[Any]], name: str) -> None:
        while True:
            try:
                await fn()
            except Exception:
                log.exception("background work failed and is tried again", task=name)
                await asyncio.sleep(seconds * random.uniform(0.9, 1.1))
            else:
                return

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background task ended with an error", task=task.get_name(), exc_info=error)


class Process:
    """What `main` builds on: things to drain, things to close, and background tasks."""

    def __init__(self, drain_seconds: float = 10.0):
        self.drain_seconds = drain_seconds
        self.tasks = Tasks("process")
        self.stopping = asyncio.Event()
        self.stack = AsyncExitStack()
        self._drains: list[Callable[[], Awaitable[Any]]] = []
        self.stack.push_async_callback(self.tasks.close)

    def begin(self, settings: type[S], **overrides: Any) -> S:
        """Read the settings, before anything else, and have the log, the spans and the drain go by them."""
        found = load(settings, **overrides)
        self.drain_seconds = found.drain_seconds
        setup_telemetry(found)
        return found

    def closing(self, thing: C) -> C:
        """Close `thing` at the end, in reverse order of registration, whatever happened before."""
        self.stack.push_async_callback(_close_and_log, thing)
        return thing

    def draining(self, drain: Callable[[], Awaitable[Any]]) -> None:
        """Call `drain` on a stop signal, in order of registration; all of them share `drain_seconds`."""
        self._drains.append(drain)

    def stop(self) -> None:
        """As a stop signal does."""
        self.stopping.set()

    async def drain(self) -> bool:
        """Run the drains within the bound; whether all of them finished."""
        try:
            async with asyncio.timeout(self.drain_seconds):
                for drain in self._drains:
                    try:
                        await drain()
                    except Exception:
                        log.exception("a drain failed")
        except TimeoutError:
            log.warning("drain timed out; closing anyway", seconds=self.drain_seconds)
            return False
        return True


def collect_garbage_seldom() -> None:
    """For a process that holds much in memory, once it is put together: what was made until now lives as long as it
    does and is looked at no more, and the rest less often.

    Python looks for what holds each other after 700 more objects were made than went, and a tenth of a tenth of the
    times through everything there is: that was a seventh of routing's CPU, and stopped it for up to 200 ms. Almost
    nothing is found there that long, since what nobody refers to goes at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def live(main: Callable[[Process], Awaitable[None]], drain_seconds: float = 10.0) -> None:
    """Start by `main`, wait for the stop, drain, close. `run_service` without signals and loop; tests call it."""
    process = Process(drain_seconds)
    async with process.stack:
        await main(process)
        await process.stopping.wait()
        await process.drain()


def run_service(main: Callable[[Process], Awaitable[Any]]) -> None:
    """Run a service until SIGTERM or SIGINT. `main(process)` builds and starts everything, then returns.

    A second signal cuts the drain short. Exits 1 when the start fails, `SETTINGS_WRONG` when it is the settings' fault.
    """
    import uvloop

    async def supervised() -> None:
        loop = asyncio.get_running_loop()
        process = Process()
        async with process.stack:
            drained: asyncio.Task[bool] | None = None

            def signalled() -> None:
                if process.stopping.is_set() and drained is not None:
                    drained.cancel()
                process.stop()

            for each in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(each, signalled)
            starting = loop.create_task(_start(main, process))
            stopped = loop.create_task(process.stopping.wait())
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            await stopped
            log.info("draining", seconds=process.drain_seconds)
            drained = loop.create_task(process.drain())
            with contextlib.suppress(asyncio.CancelledError):
                await drained
        log.info("stopped")

    try:
        uvloop.run(supervised())
    except SettingsError as error:
        log.error("the settings are wrong", error=str(error))
        sys.exit(SETTINGS_WRONG)
    except Exception:
        log.exception("the service could not start")
        sys.exit(1)
    finally:
        shutdown_telemetry()


async def _start(main: Callable[[Process], Awaitable[Any]], process: Process) -> None:
    await main(process)
    log.info("started")


async def _close_and_log(thing: Closable) -> None:
    try:
        await thing.close()
    except Exception:  # the others still have to be closed
        log.exception("close failed", thing=type(thing).__name__)

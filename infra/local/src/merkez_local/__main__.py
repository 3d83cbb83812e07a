"""`python -m merkez_local run`: all of Merkez until Ctrl-C. Also runs npm with the right Node, and prints traces."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from merkez_local.console import Console

if TYPE_CHECKING:  # loading them takes a second, in which an interrupt would not be heard yet
    from merkez_local.system import Options, System

ROOT = Path(__file__).resolve().parents[4]


async def _run() -> int:
    console = Console()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    from chassis.settings import SettingsError

    from merkez_local.system import StartFailed, System

    try:
        options = _options()
        first = not (options.data_dir / "postgres").exists()
        system = System(options, console)
        starting, stopped, lost = map(asyncio.ensure_future, (system.start(), stop.wait(), system.lost.wait()))  # noqa: TID251 - awaited right below
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _greet(system, console, first)
            await asyncio.wait({lost, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if system.lost.is_set():
                console.step(system.lost_reason)
    except (SettingsError, StartFailed) as error:
        print(f"Merkez did not start. {error}", file=sys.stderr)
        return 1
    console.step("Stopping")
    starting.cancel()  # does nothing to a start that is over
    await asyncio.gather(starting, return_exceptions=True)
    await system.stop()
    console.step(f"Stopped; the data stays in {options.data_dir.name}/")
    return 1 if system.lost.is_set() else 0


async def _run_regions() -> int:
    console, stop = Console(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    from merkez_local.drills import DrillPost
    from merkez_local.regions import Regions, RegionsOptions

    regions = Regions(RegionsOptions(data_dir=_data_dir() / "regions"), console)
    post = DrillPost(regions)
    starting = asyncio.ensure_future(regions.start())  # noqa: TID251 - awaited right below
    stopped = asyncio.ensure_future(stop.wait())  # noqa: TID251 - awaited right below
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        if error := starting.exception():
            print(f"Merkez did not start. {error}", file=sys.stderr)
            return 1
        for name in regions.systems:
            console.say(f"  {name}:  {regions.front.url(name)}")
        await post.start()
        console.say("  Open one and sign up. `make drill-region` in another terminal loses one. Ctrl-C stops both.")
        await stopped
        await post.close()
        await regions.stop()
    else:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
    return 0


def _data_dir() -> Path:
    return Path(os.environ.get("MERKEZ_LOCAL_DIR", ROOT / ".local"))


def _options() -> Options:
    from chassis.settings import load
    from gateway.settings import GatewaySettings

    from merkez_local.system import Options

    # By the gateway's rules; every other setting is looked at where the services get theirs.
    names = ("MERKEZ_HTTP_PORT", "MERKEZ_PUBLIC_GRPC_PORT")
    given = {name: os.environ[name] for name in names if name in os.environ}
    ports = load(GatewaySettings, service="gateway", environ=given)
    return Options(data_dir=_data_dir(), http_port=ports.http_port, grpc_port=ports.public_grpc_port)


def _greet(system: System, console: Console, first: bool) -> None:
    console.say()
    console.say(f"  Merkez is running:  {system.url}")
    console.say()
    if first:
        console.say(f"  Next: open {system.url}/sign-up, choose a plan and follow the set-up.")
    else:
        console.say(f"  Next: sign in at {system.url}/sign-in, or sign a new company up at {system.url}/sign-up.")
    console.say("  Or let two browsers do all of it: `make demo` in another terminal.")
    console.say(f"  Partners: {system.url}/docs for REST, gRPC with reflection on {system.grpc_address}.")
    console.say(f"  Logs and traces are in {system.data_dir.name}/. Ctrl-C stops everything.")
    console.say()


def _npm(arguments: list[str]) -> int:
    from merkez_local.web_build import npm_command

    command, environment = asyncio.run(npm_command(ROOT))
    return subprocess.run([*command, *arguments], cwd=ROOT / "services" / "web", env=environment).returncode


def main() -> int:
    """Runs the verb of the command line; returns the exit status."""
    verb, *rest = sys.argv[1:] or ["run"]
    if verb == "run":
        return asyncio.run(_run())
    if verb == "run-regions":
        return asyncio.run(_run_regions())
    if verb == "npm":
        return _npm(rest)
    if verb == "web-modules":
        from merkez_local.web_build import install_modules

        asyncio.run(install_modules(ROOT, Console()))
        return 0
    if verb == "trace":
        from merkez_local.traces import print_trace

        return print_trace(ROOT / ".local" / "traces", rest)
    if verb == "operator":
        from merkez_local.operator import make_operator

        return make_operator(_data_dir(), rest)
    if verb == "picture":
        from merkez_local.trace_picture import draw

        return draw(rest)
    if verb == "ops":
        from merkez_local.operations import look_after

        return look_after(_data_dir(), rest)
    print(
        f"There is no `{verb}`; there are run, run-regions, npm, web-modules, trace, picture, operator and ops.",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())

"""`merkez-ops`: what whoever runs Merkez looks at and does from a terminal. `merkez-ops --help` lists it.

It is told where the installation is by the same `MERKEZ_*` variables as a service, and calls services as one of them,
so whoever holds the installation's internal key may use it. Nothing personal is shown.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, TypeVar

import typer
from chassis import deadletters
from chassis.settings import SETTINGS_WRONG, SettingsError, load
from chassis.statuses import RemoteFailed
from kernel.clock import SystemClock
from kernel.errors import DomainError, NotFound
from nats.errors import Error as NatsError

from merkez_ops import nodes as node_views
from merkez_ops import show, streams, synthetic
from merkez_ops.checks import CHECKS
from merkez_ops.doctor import Verdict, examine
from merkez_ops.installation import Installation, opened
from merkez_ops.settings import OpsSettings

R = TypeVar("R")

app = typer.Typer(
    help="Looks after an installation of Merkez: the MERKEZ_* variables of its services say where it is.",
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip
console = show.paper()
_clock = SystemClock()

Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask back.")]
WholeRegion = Annotated[bool, typer.Option("--region", help="Every node that answers at this region's address.")]


@app.command()
def calls(
    tenant: Annotated[str, typer.Option(help="Only this tenant's (ten_...).")] = "", as_json: Json = False
) -> None:
    """Calls under way, the oldest first; nothing of who speaks."""
    found = _ask(lambda here: node_views.list_calls(here, _clock.now(), tenant))
    show.rows(console, found, as_json=as_json, empty="Nobody is in a call.")


@app.command()
def nodes(as_json: Json = False) -> None:
    """Telephony's nodes: who takes calls, who drains, how many calls each holds."""
    found = _ask(lambda here: node_views.list_nodes(here, _clock.now()))
    show.rows(console, found, as_json=as_json, empty="No telephony node was ever seen.")


@app.command()
def drain(
    node: Annotated[str, typer.Argument(help="Its name, as `nodes` says it.")] = "",
    region: WholeRegion = False,
    minutes: Annotated[
        float, typer.Option(min=0, help="How long calls that can't be moved may go on; 0 takes the node's own.")
    ] = 0,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let a node, or all of this region, take no new calls and hand over those they have."""
    bound = timedelta(minutes=minutes) if minutes else None
    names = _named(node, region)
    if region and not yes:
        typer.confirm(f"Drain {', '.join(names)}? Unless another region takes calls, nobody does then.", abort=True)
    _each(names, lambda here, name: node_views.drain(here, name, bound, _clock.now()), as_json)


@app.command()
def undrain(
    node: Annotated[str, typer.Argument(help="Its name, as `nodes` says it.")] = "",
    region: WholeRegion = False,
    as_json: Json = False,
) -> None:
    """Let a node, or all of this region, take calls again."""
    _each(_named(node, region), lambda here, name: node_views.undrain(here, name, _clock.now()), as_json)


@app.command("streams")
def list_streams(as_json: Json = False) -> None:
    """JetStream's streams: how much they hold, who leads, which replicas are behind."""
    show.rows(console, _ask(streams.list_streams), as_json=as_json, empty="There is no stream: no service has begun.")


@app.command()
def lag(as_json: Json = False) -> None:
    """How far behind each listener is, the furthest first."""
    show.rows(console, _ask(streams.list_lag), as_json=as_json, empty="Nobody listens to any stream.")


@app.command()
def regions(as_json: Json = False) -> None:
    """This region as its NATS tells it, and what it takes from others."""
    show.rows(console, [_ask(streams.this_region)], as_json=as_json, empty="")


@app.command("dead-letters")
def list_dead_letters(
    consumer: Annotated[str, typer.Option(help="Only what this service buried.")] = "", as_json: Json = False
) -> None:
    """Facts nobody could work, the oldest first; never what they hold."""

    async def asked(here: Installation) -> list[deadletters.DeadLetter]:
        return await deadletters.dead_letters(await here.bus(), consumer)

    show.rows(console, _ask(asked), as_json=as_json, empty="No dead letters.")


@app.command()
def replay(
    consumer: Annotated[str, typer.Option(help="Only what this service buried.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Send dead letters once more, when their cause is mended; who worked them already doesn't again."""
    if not yes:
        whose = f"what {consumer} buried" if consumer else "every dead letter"
        typer.confirm(f"Send {whose} once more?", abort=True)

    async def asked(here: Installation) -> int:
        return await deadletters.replay(await here.bus(), _clock.now(), consumer)

    sent = _ask(asked)
    if as_json:
        console.print_json(data={"replayed": sent})
    else:
        console.print(f"Sent once more: {sent}")


@app.command("call")
def synthetic_call(
    widget_key: Annotated[str, typer.Argument(help="The widget's key of a brand kept for this.")], as_json: Json = False
) -> None:
    """Call a brand as a customer's browser does, wait for sound, hang up. A real call: its company is billed for it."""
    found = _ask(lambda here: synthetic.call(here, widget_key))
    show.rows(console, [found], as_json=as_json, empty="")


@app.command()
def doctor(
    only: Annotated[list[str] | None, typer.Option(help=f"One of: {', '.join(CHECKS)}; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Check the installation; say what is wrong and what to do next. Exits 1 when something is."""
    unknown = sorted(set(only or ()) - set(CHECKS))
    if unknown:
        raise typer.BadParameter(f"there is no check {', '.join(unknown)}; there are: {', '.join(CHECKS)}")
    wanted = {name: check for name, check in CHECKS.items() if not only or name in only}
    found = _ask(lambda here: examine(here, _clock.now, wanted))
    show.findings(console, found, as_json=as_json)
    if any(finding.verdict is Verdict.WRONG for finding in found):
        raise typer.Exit(1)


def _named(node: str, region: bool) -> list[str]:
    if bool(node) == region:
        raise typer.BadParameter("name one node, or say --region")
    return _ask(node_views.nodes_here) if region else [node]


def _each(names: list[str], do: Callable[[Installation, str], Awaitable[Any]], as_json: bool) -> None:
    async def asked(here: Installation) -> list[Any]:
        done: list[Any] = []
        for name in names:
            try:
                done.append(await do(here, name))
            except NotFound as error:
                raise NotFound(f"{name}: {error}; `merkez-ops nodes` lists them") from None
        return done

    show.rows(console, _ask(asked), as_json=as_json, empty="")


def _ask(what: Callable[[Installation], Awaitable[R]]) -> R:
    """Runs it against the installation; what goes wrong is said in a line, with exit code 1 or `SETTINGS_WRONG`."""

    async def run() -> R:
        async with opened(load(OpsSettings, service="ops")) as here:
            return await what(here)

    try:
        return asyncio.run(run())
    except SettingsError as error:
        code, said = SETTINGS_WRONG, str(error)
    except (DomainError, RemoteFailed, NatsError) as error:
        code, said = 1, str(error) or type(error).__name__
    print(said, file=sys.stderr)
    raise typer.Exit(code)


def main() -> None:
    """The command line."""
    app()

"""Builds telephony and runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from chassis.bus import Bus
from chassis.grpc import Peers, serve
from chassis.lifecycle import Process, run_service
from chassis.sealing import Seal
from chassis.sql import Database
from chassis.telemetry import log
from kernel.networks import networks_of
from merkez.telephony.v1 import (
    call_service_pb2_grpc,
    find_me_service_pb2_grpc,
    media_service_pb2_grpc,
    node_service_pb2_grpc,
    trunk_service_pb2_grpc,
)

from telephony.clients import Flows, Recordings, Routing, Tenancy
from telephony.consumers import handlers, share_calls, share_quality
from telephony.handlers import (
    CallHandlers,
    DeviceHandlers,
    FindMeHandlers,
    MediaHandlers,
    NodeHandlers,
    OutboundHandlers,
    StationHandlers,
    TrunkHandlers,
)
from telephony.live import nodes as node_loops
from telephony.live.billing import Billing
from telephony.live.dialing import Dialing
from telephony.live.finding import SEEK_SECONDS, TURN_SECONDS, Finder
from telephony.live.handover import Handover
from telephony.live.house import PHRASES, House
from telephony.live.nodes import Nodes
from telephony.live.outside import NobodyOutside
from telephony.live.pod import SAY_SECONDS, PodCost
from telephony.live.prepaid import LOOK_SECONDS as CREDIT_SECONDS
from telephony.live.prepaid import Prepaid
from telephony.live.quality import MEASURE_SECONDS, QualityWatch
from telephony.live.sip.edge import TRUNK_PASSWORDS, SipEdge
from telephony.live.sip.trial import Trial
from telephony.live.switchboard import Switchboard
from telephony.live.watch import BEAT_SECONDS, CATCH_UP_SECONDS, LOOK_SECONDS, SWEEP_SECONDS, Watch
from telephony.media.clips import Clip, ClipFailed, ClipStore
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.spool import Spool
from telephony.media.voice_socket import allow_many_sockets
from telephony.settings import TelephonySettings


async def build(process: Process, settings: TelephonySettings) -> tuple[House, Switchboard, Nodes, Handover]:
    """Everything that lives as long as the process, closed in reverse order."""
    db = process.closing(await Database.connect(settings, "telephony"))
    peers = process.closing(Peers(settings, "telephony"))
    folder = Path(settings.data_dir) / "telephony"
    clips = process.closing(ClipStore(folder / "clips"))
    recordings = Recordings(peers)
    spool = process.closing(
        Spool(folder / "segments", recordings.append, recordings.finish, process.tasks.spawn, _spool_report)
    )
    allow_many_sockets()
    plane = process.closing(MediaPlane(media_settings(settings), lambda work: process.tasks.spawn(work, "media")))
    house = House(
        settings=settings,
        db=db,
        plane=plane,
        clips=clips,
        tenancy=Tenancy(peers),
        flows=Flows(peers),
        recordings=recordings,
        routing=Routing(peers),
        spool=spool,
        tasks=process.tasks,
        outside=NobodyOutside(),
        music=await _made(clips.hold_music, "hold music"),
        ringback=await _made(clips.ringback, "ringing tone"),
        quiet=await _made(clips.quiet, "comfort silence"),
    )
    process.closing(house.recognizer)
    switchboard = process.closing(Switchboard(house))
    nodes = Nodes(house, switchboard, peers)
    handover = Handover(house, switchboard, nodes, peers)
    process.draining(handover.drain)
    return house, switchboard, nodes, handover


async def start(process: Process, settings: TelephonySettings) -> None:
    """Build, recover what an earlier process left, then serve."""
    house, switchboard, nodes, handover = await build(process, settings)
    watch = Watch(house, switchboard, nodes)
    dialing = Dialing(house, switchboard)
    edge: SipEdge | None = None
    finder = process.closing(Finder(house, switchboard, dialing))
    if settings.sip_listen:
        edge = process.closing(SipEdge(house, switchboard, dialing, nodes))
        house.outside = edge.outside
        await edge.open(process)
    house.spool.resume()
    await watch.recover()
    process.tasks.every(LOOK_SECONDS, watch.look, "media watchdog")
    process.tasks.every(CATCH_UP_SECONDS, watch.catch_up, "media follow rows")
    process.tasks.every(BEAT_SECONDS, watch.beat, "heartbeat")
    process.tasks.every(SWEEP_SECONDS, watch.sweep, "sweep")
    process.tasks.every(SEEK_SECONDS, finder.look, "seek agents")
    process.tasks.every(TURN_SECONDS, finder.turn, "telephones' hours")
    _follow_credit(process, settings, house, switchboard, dialing)
    process.tasks.spawn(_warm(house), "warm phrases")

    bus = process.closing(await Bus.connect(settings))
    bus.relay(house.db)
    process.tasks.spawn(share_calls(bus, house, switchboard, watch), "share calls")
    quality = QualityWatch(switchboard, share_quality(bus), settings.media_stall_seconds)
    process.tasks.every(LOOK_SECONDS, quality.look, "stalled media")
    process.tasks.every(MEASURE_SECONDS, quality.measure, "quality")
    await bus.consume(house.db, "telephony", handlers(house, switchboard))
    trial = edge.trial if edge is not None else None
    server = process.closing(serve(servicers(house, switchboard, dialing, nodes, handover, trial), settings))
    await server.start()
    await nodes.begin(settings.node_address or server.address, edge.address if edge is not None else "")
    process.tasks.every(node_loops.BEAT_SECONDS, nodes.beat, "node lives")
    process.tasks.every(node_loops.LOOK_SECONDS, nodes.look, "nodes die")
    if settings.pod_name:
        pod = process.closing(PodCost(settings, lambda: len(switchboard.calls), lambda: switchboard.draining))
        process.tasks.every(SAY_SECONDS, pod.say, "deletion cost")
    process.draining(server.drain)
    process.draining(bus.drain)
    keep_recordings(process, settings, house.spool)


def keep_recordings(process: Process, settings: TelephonySettings, spool: Spool) -> None:
    """Have the process stay, where its disk goes with it, until recording has what lies there: as long as a drain may
    take. Elsewhere the next process sends it."""
    if not settings.data_stays:
        process.draining(spool.drain)


def servicers(
    house: House,
    switchboard: Switchboard,
    dialing: Dialing,
    nodes: Nodes,
    handover: Handover,
    trial: Trial | None = None,
) -> list[Any]:
    """Everything telephony serves; `trial` tests trunks where SIP is spoken."""
    db, settings = house.db, house.settings
    seal = Seal.load(settings.internal_key, TRUNK_PASSWORDS)
    drain_default = timedelta(seconds=settings.operator_drain_seconds)
    trunks = TrunkHandlers(db, seal, house.tenancy, trial, networks_of(settings.sip_private_networks))
    return [
        (call_service_pb2_grpc.add_CallServiceServicer_to_server, CallHandlers(house, switchboard, dialing, nodes)),
        (call_service_pb2_grpc.add_StationServiceServicer_to_server, StationHandlers(db, switchboard, nodes)),
        (media_service_pb2_grpc.add_MediaServiceServicer_to_server, MediaHandlers(settings, db.clock)),
        (node_service_pb2_grpc.add_NodeServiceServicer_to_server, NodeHandlers(db, nodes, handover, drain_default)),
        (trunk_service_pb2_grpc.add_TrunkServiceServicer_to_server, trunks),
        (
            trunk_service_pb2_grpc.add_DeviceServiceServicer_to_server,
            DeviceHandlers(db, house.tenancy, settings.sip_domain),
        ),
        (find_me_service_pb2_grpc.add_FindMeServiceServicer_to_server, FindMeHandlers(house)),
        (trunk_service_pb2_grpc.add_OutboundServiceServicer_to_server, OutboundHandlers(db)),
    ]


def media_settings(settings: TelephonySettings) -> MediaSettings:
    """The media plane's part of the settings."""
    ports = (settings.media_port_min, settings.media_port_max) if settings.media_port_min else None
    return MediaSettings(addresses=host_addresses(settings.media_addresses), ports=ports)


def _follow_credit(
    process: Process, settings: TelephonySettings, house: House, switchboard: Switchboard, dialing: Dialing
) -> None:
    """Let prepaid calls pay ahead, where there is a billing to ask."""
    if "billing" not in settings.peers:
        log.warning("prepaid calls aren't held to their balance: MERKEZ_BILLING_ADDRESS is missing")
        return
    prepaid = Prepaid(house, switchboard, Billing(process.closing(Peers(settings, "telephony"))))
    process.tasks.every(CREDIT_SECONDS, prepaid.look, "prepaid calls")
    dialing.check_payment = prepaid.check


async def _made(make: Callable[[], Awaitable[Clip]], what: str) -> Clip:
    """A clip of the house; a second of silence when the speech worker can't run, so that calls still work."""
    try:
        return await make()
    except ClipFailed as error:
        log.error("a sound of the house is missing", sound=what, exc_info=error)
        return Clip.silence(1)


async def _warm(house: House) -> None:
    """Speak our own phrases once, so that nobody waits for them when something is wrong already."""
    for name, texts in PHRASES.items():
        for language in texts:
            await house.phrase(name, language)


def _spool_report(what: str, recording_id: str, error: BaseException | None) -> None:
    log.warning(what, recording_id=recording_id, exc_info=error)


def main() -> None:
    """`python -m telephony`"""
    run_service(lambda process: start(process, process.begin(TelephonySettings)))


if __name__ == "__main__":
    main()

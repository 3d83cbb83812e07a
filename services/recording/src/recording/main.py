"""Composition of the recording process."""

from __future__ import annotations

from chassis.bus import Bus
from chassis.grpc import Peers, serve
from chassis.lifecycle import Process
from chassis.sql import Database
from merkez.recording.v1.recording_service_pb2_grpc import add_RecordingServiceServicer_to_server
from merkez.recording.v1.voicemail_service_pb2_grpc import add_VoicemailServiceServicer_to_server

from recording.clients import Routing
from recording.consumers import handlers
from recording.handlers.recordings import Recordings
from recording.handlers.voicemails import Voicemails
from recording.keys import open_master
from recording.library import Library
from recording.objects import Objects
from recording.settings import Settings
from recording.sweeps import Sweeps


async def main(process: Process) -> None:
    """Builds and starts; the process drains and closes what it registered."""
    settings = process.begin(Settings, service="recording")
    master = open_master(settings.recording_master_key_uri, settings.home)
    db = process.closing(await Database.connect(settings, "recording"))
    bus = process.closing(await Bus.connect(settings))
    objects = Objects(settings.recording_store_url, settings.home)
    library = Library(db, objects, master, default_retention_days=settings.recording_default_retention_days)
    sweeps = Sweeps(db, library, late_grace=settings.recording_late_grace)
    servicer = Recordings(db, library, finish_grace=settings.recording_finish_grace, wake=sweeps.wake)
    voicemails = Voicemails(db, library, Routing(process.closing(Peers(settings))))
    servicers = [
        (add_RecordingServiceServicer_to_server, servicer),
        (add_VoicemailServiceServicer_to_server, voicemails),
    ]
    server = process.closing(serve(servicers, settings))
    bus.relay(db)
    await bus.consume(db, "recording", handlers(settings.recording_finish_grace))
    sweeps.start(process.tasks)
    await server.start()
    process.draining(server.drain)
    process.draining(bus.drain)

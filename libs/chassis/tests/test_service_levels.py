"""What alerts and service levels are made of is counted: how long facts take, transactions given up, what is left of a
certificate and a disk. And it reaches a collector by TLS."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from chassis import consumer as consumer_module
from chassis.bus import Bus, FactMeta
from chassis.mutual_tls import Identity
from chassis.settings import ProcessSettings
from chassis.sql import Database, DatabaseUnavailable, Tx
from chassis.telemetry import free_share
from kernel.errors import Unavailable
from merkez.routing.v1.routing_events_pb2 import OfferMade
from merkez_local.postgres import free_port
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from testkit import eventually
from testkit.certificates import Certificates
from testkit.measured import Measured

from .inboxes import Inbox, emit


async def test_how_long_a_fact_took_is_counted_once_however_often_it_comes(
    db: Database, bus: Bus, tenant: str, name: str
) -> None:
    measured, inbox = Measured(), Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    bus.relay(db)
    await emit(db, tenant, "con_1", "ofr_1", "ofr_2")
    await eventually(lambda: measured.grown("merkez.facts.age") == 2)
    twin = Inbox()  # works them too, by a name of its own, from the same stream
    await bus.consume(db, f"{name}_again", {OfferMade: twin.made})
    await eventually(lambda: measured.grown("merkez.facts.age") == 4)
    assert len(inbox.worked) == len(twin.worked) == 2


async def test_a_fact_that_waits_for_a_neighbour_is_told_of_by_its_age(
    db: Database, bus: Bus, tenant: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_ACK_WAIT", 0.6)
    measured, is_back = Measured(), asyncio.Event()

    async def waits(tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        if not is_back.is_set():
            raise Unavailable("a neighbour is away")

    await bus.consume(db, name, {OfferMade: waits})
    bus.relay(db)
    await emit(db, tenant, "con_1", "ofr_1")
    await eventually(lambda: (measured.last("merkez.facts.oldest", stream="ROUTING") or 0.0) > 0.5)
    is_back.set()
    await eventually(lambda: measured.last("merkez.facts.oldest", stream="ROUTING") == 0.0)


async def test_a_transaction_given_up_is_counted_and_so_is_how_long_each_took(
    settings: ProcessSettings, db: Database, tenant: str
) -> None:
    measured = Measured()

    async def nothing(tx: Tx) -> None:
        pass

    await db.run(tenant, nothing)
    assert measured.grown("merkez.database.unavailable") == 0
    nowhere = await Database.connect(
        ProcessSettings(service="trial", database_url=f"postgresql+asyncpg://merkez_trial:x@127.0.0.1:{free_port()}/x"),
        "trial",
    )
    with pytest.raises(DatabaseUnavailable):
        await nowhere.run(tenant, nothing)
    await nowhere.close()
    assert measured.grown("merkez.database.unavailable") == 1
    assert measured.grown("merkez.database.transaction") == 2


def test_what_is_left_of_a_certificate_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.mutual_tls._LOOK_SECONDS", 0.0)
    measured, authority = Measured(), Certificates(tmp_path / "ours")
    until = datetime.now(UTC) + timedelta(days=2)  # noqa: TID251 - what certificates are compared with
    own = authority.issue("routing", until=until)
    Identity(str(own.certificate), str(own.key), str(own.authority)).current()
    left = measured.last("merkez.certificate.left")
    assert left is not None and 1.9 < left / 86_400 <= 2


def test_how_much_of_a_disk_is_free_is_known_before_the_folder_is_made(tmp_path: Path) -> None:
    found = free_share(tmp_path / "not" / "yet")
    assert 0 < found < 1 and found == pytest.approx(free_share(tmp_path), abs=0.01)


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes what is sent."""

    def __init__(self) -> None:
        self.taken = 0

    def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: object
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        self.taken += 1
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.mark.parametrize("known", [True, False])
def test_traces_go_to_a_collector_of_our_authority_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    ours, collector = Certificates(tmp_path / "ours"), Collector()
    shown = (ours if known else Certificates(tmp_path / "strangers")).issue("collector")
    server = grpc.server(ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    credentials = grpc.ssl_server_credentials([(shown.key.read_bytes(), shown.certificate.read_bytes())])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    # As the chart tells every pod.
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(ours.authority))
    exporter = OTLPSpanExporter(endpoint=f"https://localhost:{port}", timeout=None if known else 1)
    with TracerProvider().get_tracer("trial").start_as_current_span("call") as span:
        pass
    assert exporter.export([span]) is (SpanExportResult.SUCCESS if known else SpanExportResult.FAILURE)  # type: ignore[list-item]
    assert collector.taken == (1 if known else 0)
    server.stop(0)

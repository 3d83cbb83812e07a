"""Composition of the billing process."""

from __future__ import annotations

from chassis.bus import Bus
from chassis.grpc import serve
from chassis.lifecycle import Process
from chassis.sql import Database
from chassis.turns import TurnTaking
from merkez.billing.v1 import billing_service_pb2_grpc, invoice_operator_service_pb2_grpc, invoice_service_pb2_grpc

from billing.clients import PaymentProvider
from billing.collecting import Collector
from billing.consumers import HANDLERS
from billing.exporting import Exporter
from billing.handlers.invoice_operators import InvoiceOperators, PaymentEvents
from billing.handlers.invoicing import Invoices
from billing.handlers.usage import Billing
from billing.providers.lago import Lago
from billing.settings import Settings
from billing.sweeper import EVERY_SECONDS, Rules, Sweeper


async def main(process: Process) -> None:
    """Builds and starts; the process drains and closes what it registered."""
    settings = process.begin(Settings, service="billing")
    db = process.closing(await TurnTaking.connect(settings, "billing"))
    bus = process.closing(await Bus.connect(settings))
    collector = Collector(db, payment_provider(settings, db), settings.public_url)
    lago = process.closing(Lago(settings.lago_url, settings.lago_api_key)) if settings.lago_url else None
    server = process.closing(serve(servicers(db, collector, settings), settings))
    bus.relay(db)
    await bus.consume(db, "billing", HANDLERS)
    export = Exporter(db, lago).export_due if lago is not None else None
    sweeper = Sweeper(db, rules(settings), collector.try_to_pay, export)
    process.tasks.every(EVERY_SECONDS, sweeper.sweep, "invoice run")
    await server.start()
    process.draining(server.drain)
    process.draining(bus.drain)


def servicers(db: Database, collector: Collector, settings: Settings) -> list:
    """Every servicer of billing with the function that adds it."""
    operators = InvoiceOperators(db, settings.invoice_settle)
    return [
        (billing_service_pb2_grpc.add_BillingServiceServicer_to_server, Billing(db)),
        (invoice_service_pb2_grpc.add_InvoiceServiceServicer_to_server, Invoices(db, collector)),
        (invoice_operator_service_pb2_grpc.add_InvoiceOperatorServiceServicer_to_server, operators),
        (invoice_operator_service_pb2_grpc.add_PaymentEventServiceServicer_to_server, PaymentEvents(collector)),
    ]


def rules(settings: Settings) -> Rules:
    """When things are due."""
    return Rules(settings.invoice_grace, settings.invoice_settle, settings.schedule, settings.thresholds)


def payment_provider(settings: Settings, db: Database) -> PaymentProvider | None:
    """Who collects money; None where invoices are paid by hand."""
    if not settings.stripe_api_key:
        return None
    from billing.providers.stripe_payments import StripePayments  # a large SDK that only those need who use it

    return StripePayments(
        settings.stripe_api_key, settings.stripe_webhook_secret, db.clock.now, settings.stripe_api_base
    )

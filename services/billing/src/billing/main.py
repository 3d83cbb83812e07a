"""Composition of the billing process."""

from __future__ import annotations

from datetime import timedelta

from chassis.bus import Bus
from chassis.given import given
from chassis.grpc import Peers, serve
from chassis.lifecycle import Process
from chassis.sql import Database
from chassis.turns import TurnTaking
from merkez.billing.v1 import (
    billing_service_pb2_grpc,
    client_bill_service_pb2_grpc,
    coupon_service_pb2_grpc,
    difference_service_pb2_grpc,
    invoice_operator_service_pb2_grpc,
    invoice_service_pb2_grpc,
    meter_service_pb2_grpc,
    plan_rating_service_pb2_grpc,
    rate_deck_service_pb2_grpc,
    resale_service_pb2_grpc,
    reservation_service_pb2_grpc,
    tax_service_pb2_grpc,
    usage_service_pb2_grpc,
    wallet_service_pb2_grpc,
)

from billing.clients import PaymentProvider, Telephony
from billing.collecting import TOP_UP_SECONDS, Collector
from billing.consumers import HANDLERS
from billing.exporting import Exporter
from billing.handlers.client_bills import ClientBills
from billing.handlers.coupons import Coupons
from billing.handlers.decks import RateDecks
from billing.handlers.differences import Differences
from billing.handlers.invoice_operators import InvoiceOperators, PaymentEvents
from billing.handlers.invoicing import Invoices
from billing.handlers.metering import Meters, Usage, UsageOperators
from billing.handlers.plan_rating import PlanRating
from billing.handlers.resales import Resales
from billing.handlers.reservations import Reservations
from billing.handlers.taxes import Taxes
from billing.handlers.usage import Billing
from billing.handlers.wallets import WalletOperators, Wallets
from billing.live import erasing
from billing.live import reconciler as reconciling
from billing.live.charging import Charges
from billing.live.decks import DeckShelf
from billing.live.erasing import Eraser
from billing.live.rating import Rating
from billing.live.reconciler import Reconciler
from billing.live.sweeps import Sweeps
from billing.ops import usage as ops
from billing.providers.lago import Lago
from billing.settings import Settings
from billing.sweeper import EVERY_SECONDS, Rules, Sweeper


async def main(process: Process) -> None:
    """Builds and starts; the process drains and closes what it registered."""
    settings = process.begin(Settings, service="billing")
    db = process.closing(await TurnTaking.connect(settings, "billing"))
    bus = process.closing(await Bus.connect(settings))
    peers = process.closing(Peers(settings, "billing"))
    shelf = DeckShelf(db)
    rating = Rating(db, shelf)
    charges = Charges(db, shelf)
    reconciler = Reconciler(db, Telephony(peers))
    collector = Collector(db, payment_provider(settings, db), settings.public_url)
    lago = process.closing(Lago(settings.lago_url, given(settings, "lago_api_key"))) if settings.lago_url else None
    served = [
        *metered(rating),
        *prepaid(db, shelf, charges, reconciler),
        *invoiced(rating, collector, settings),
    ]
    server = process.closing(serve(served, settings))
    bus.relay(db)
    await bus.consume(db, "billing", HANDLERS)
    export = Exporter(rating, lago).export_due if lago is not None else None
    sweeper = Sweeper(rating, rules(settings), collector.try_to_pay, export)
    process.tasks.every(EVERY_SECONDS, sweeper.sweep, "invoice run")
    await server.start()
    process.tasks.until_done(5, lambda: ops.keep_days(db), "days of old records")
    sweeps = Sweeps(db, charges)
    process.tasks.every(sweeps.EVERY_SECONDS, sweeps.reservations, "reservations")
    process.tasks.every(sweeps.EXPIRY_SECONDS, sweeps.grants, "expired grants")
    process.tasks.every(TOP_UP_SECONDS, collector.top_up_due, "automatic top-ups")
    process.tasks.every(reconciling.EVERY_SECONDS, reconciler.look, "reconciler")
    eraser = Eraser(rating, timedelta(days=settings.dialed_number_days))
    process.tasks.every(erasing.EVERY_SECONDS, eraser.erase, "dialled numbers")
    process.draining(server.drain)
    process.draining(bus.drain)


def metered(rating: Rating) -> list:
    """The servicers of usage, meters, coupons and taxes."""
    db = rating.db
    return [
        (billing_service_pb2_grpc.add_BillingServiceServicer_to_server, Billing(rating)),
        (usage_service_pb2_grpc.add_UsageServiceServicer_to_server, Usage(rating)),
        (usage_service_pb2_grpc.add_UsageOperatorServiceServicer_to_server, UsageOperators(db)),
        (plan_rating_service_pb2_grpc.add_PlanRatingServiceServicer_to_server, PlanRating(db)),
        (meter_service_pb2_grpc.add_MeterServiceServicer_to_server, Meters(db)),
        (coupon_service_pb2_grpc.add_CouponServiceServicer_to_server, Coupons(db)),
        (tax_service_pb2_grpc.add_TaxServiceServicer_to_server, Taxes(db)),
    ]


def prepaid(db: Database, shelf: DeckShelf, charges: Charges, reconciler: Reconciler) -> list:
    """The servicers of rate decks, wallets, reservations and differences."""
    return [
        (rate_deck_service_pb2_grpc.add_RateDeckServiceServicer_to_server, RateDecks(db, shelf)),
        (wallet_service_pb2_grpc.add_WalletServiceServicer_to_server, Wallets(db)),
        (wallet_service_pb2_grpc.add_WalletOperatorServiceServicer_to_server, WalletOperators(db, shelf)),
        (reservation_service_pb2_grpc.add_ReservationServiceServicer_to_server, Reservations(db, charges)),
        (difference_service_pb2_grpc.add_DifferenceServiceServicer_to_server, Differences(db, reconciler)),
    ]


def invoiced(rating: Rating, collector: Collector, settings: Settings) -> list:
    """The servicers of invoices and payments."""
    operators = InvoiceOperators(rating, settings.invoice_settle)
    return [
        (invoice_service_pb2_grpc.add_InvoiceServiceServicer_to_server, Invoices(rating, collector)),
        (invoice_operator_service_pb2_grpc.add_InvoiceOperatorServiceServicer_to_server, operators),
        (invoice_operator_service_pb2_grpc.add_PaymentEventServiceServicer_to_server, PaymentEvents(collector)),
        (
            client_bill_service_pb2_grpc.add_ClientBillServiceServicer_to_server,
            ClientBills(rating, settings.invoice_settle),
        ),
        (resale_service_pb2_grpc.add_ResaleServiceServicer_to_server, Resales(rating, settings.invoice_settle)),
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
        given(settings, "stripe_api_key"),
        given(settings, "stripe_webhook_secret"),
        db.clock.now,
        settings.stripe_api_base,
    )

"""Composition of the billing process."""

from __future__ import annotations

import asyncio
from typing import Any

from chassis.bus import Bus
from chassis.grpc import Peers, serve
from chassis.lifecycle import Process
from chassis.sql import Database
from chassis.turns import TurnTaking
from kernel.errors import Unavailable
from merkez.billing.v1 import (
    difference_service_pb2_grpc,
    rate_deck_service_pb2_grpc,
    reservation_service_pb2_grpc,
    wallet_service_pb2_grpc,
)
from merkez.billing.v1.billing_service_pb2_grpc import add_BillingServiceServicer_to_server
from merkez.billing.v1.coupon_service_pb2_grpc import add_CouponServiceServicer_to_server
from merkez.billing.v1.meter_service_pb2_grpc import add_MeterServiceServicer_to_server
from merkez.billing.v1.tax_service_pb2_grpc import add_TaxServiceServicer_to_server
from merkez.billing.v1.usage_service_pb2_grpc import add_UsageServiceServicer_to_server

from billing.clients import Telephony
from billing.consumers import HANDLERS
from billing.handlers.coupons import Coupons
from billing.handlers.decks import RateDecks
from billing.handlers.differences import Differences
from billing.handlers.metering import Meters, Usage
from billing.handlers.reservations import Reservations
from billing.handlers.taxes import Taxes
from billing.handlers.usage import Billing
from billing.handlers.wallets import WalletOperators, Wallets
from billing.live import reconciler as reconciling
from billing.live.charging import Charges
from billing.live.decks import DeckShelf
from billing.live.reconciler import Reconciler
from billing.live.sweeps import Sweeps
from billing.ops import usage as ops
from billing.settings import Settings


async def main(process: Process) -> None:
    """Builds and starts; the process drains and closes what it registered."""
    settings = process.begin(Settings, service="billing")
    db = process.closing(await TurnTaking.connect(settings, "billing"))
    bus = process.closing(await Bus.connect(settings))
    peers = process.closing(Peers(settings, "billing"))
    shelf = DeckShelf(db)
    charges = Charges(db, shelf)
    reconciler = Reconciler(db, Telephony(peers))
    servicers = [
        (add_BillingServiceServicer_to_server, Billing(db)),
        (add_UsageServiceServicer_to_server, Usage(db)),
        (add_MeterServiceServicer_to_server, Meters(db)),
        (add_CouponServiceServicer_to_server, Coupons(db)),
        (add_TaxServiceServicer_to_server, Taxes(db)),
        *prepaid(db, shelf, charges, reconciler),
    ]
    server = process.closing(serve(servicers, settings))
    bus.relay(db)
    await bus.consume(db, "billing", HANDLERS)
    await server.start()
    process.tasks.spawn(_keep_days(db), "days of old records")
    sweeps = Sweeps(db, charges)
    process.tasks.every(sweeps.EVERY_SECONDS, sweeps.reservations, "reservations")
    process.tasks.every(sweeps.EXPIRY_SECONDS, sweeps.grants, "expired grants")
    process.tasks.every(reconciling.EVERY_SECONDS, reconciler.look, "reconciler")
    process.draining(server.drain)
    process.draining(bus.drain)


def prepaid(db: Database, shelf: DeckShelf, charges: Charges, reconciler: Reconciler) -> list[Any]:
    """The servicers of rate decks, wallets, reservations and differences."""
    return [
        (rate_deck_service_pb2_grpc.add_RateDeckServiceServicer_to_server, RateDecks(db, shelf)),
        (wallet_service_pb2_grpc.add_WalletServiceServicer_to_server, Wallets(db)),
        (wallet_service_pb2_grpc.add_WalletOperatorServiceServicer_to_server, WalletOperators(db, shelf)),
        (reservation_service_pb2_grpc.add_ReservationServiceServicer_to_server, Reservations(db, charges)),
        (difference_service_pb2_grpc.add_DifferenceServiceServicer_to_server, Differences(db, reconciler)),
    ]


async def _keep_days(db: Database) -> None:
    while True:
        try:
            return await ops.keep_days(db)
        except Unavailable:
            await asyncio.sleep(5)

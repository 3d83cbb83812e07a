"""Composition of the tenancy process."""

from __future__ import annotations

import os
from pathlib import Path

from argon2 import PasswordHasher
from chassis.bus import Bus
from chassis.given import given
from chassis.grpc import Peers, serve
from chassis.lifecycle import Process
from chassis.sealing import Seal
from chassis.sql import Database
from merkez.tenancy.v1 import (
    emergency_service_pb2_grpc,
    inventory_service_pb2_grpc,
    limit_service_pb2_grpc,
    number_service_pb2_grpc,
    operator_plan_service_pb2_grpc,
    operator_service_pb2_grpc,
    plan_service_pb2_grpc,
    porting_service_pb2_grpc,
    session_service_pb2_grpc,
    subscription_service_pb2_grpc,
    tenant_service_pb2_grpc,
)

from tenancy import catalogue
from tenancy.carriers.hooks import key_of
from tenancy.carriers.rest import RestCarrier
from tenancy.carriers.simulated import SimulatedCarrier
from tenancy.clients import Flows, PlanRating, Trunks
from tenancy.consumers import HANDLERS
from tenancy.consumers.money import Money
from tenancy.desk import Desk
from tenancy.domain.numbers import fictitious_numbers
from tenancy.handlers.carrier import Carriers
from tenancy.handlers.emergency import EmergencyAddresses
from tenancy.handlers.inventory import Inventory
from tenancy.handlers.limits import Limits
from tenancy.handlers.numbers import Numbers
from tenancy.handlers.operators import Operators
from tenancy.handlers.organisation import Brands, Tenants
from tenancy.handlers.partners import ApiKeys, Audit
from tenancy.handlers.people import Users
from tenancy.handlers.plans import OperatorPlans, Plans
from tenancy.handlers.porting import Porting
from tenancy.handlers.sessions import Sessions
from tenancy.handlers.subscriptions import Subscriptions
from tenancy.mail import Mailer
from tenancy.oidc import OpenIdProvider
from tenancy.ops import plans
from tenancy.ops.porting import PURPOSE
from tenancy.porter import OUTS_EVERY_SECONDS, PORTING_EVERY_SECONDS, Carriage, Porter
from tenancy.settings import Settings
from tenancy.store import inventory
from tenancy.sweeper import DUE_EVERY_SECONDS, EVERY_SECONDS, KEPT_EVERY_SECONDS, end_kept, settle_due, sweep
from tenancy.tokens import PROFILES, AccessTokenSigner, Passwords


async def main(process: Process) -> None:
    """Builds and starts; the process drains and closes what it registered."""
    settings = process.begin(Settings, service="tenancy")
    db = process.closing(await Database.connect(settings, "tenancy"))
    bus = process.closing(await Bus.connect(settings))
    peers = process.closing(Peers(settings))
    keys = Path(settings.signing_keys or Path(settings.data_dir) / "signing.jwks")
    passwords = Passwords(PasswordHasher.from_parameters(PROFILES[settings.password_profile]))
    desk = Desk(db, AccessTokenSigner.load(keys), passwords, settings.region if settings.other_regions else "")
    provider = OpenIdProvider(settings, db.clock) if settings.oidc_issuer else None
    mailer = Mailer(settings, db) if settings.smtp_url else None
    mailed_links = settings.public_url if mailer is not None else ""
    carriage = _carriage(settings, db)
    served = servicers(db, desk, Flows(peers), Trunks(peers), provider, mailed_links, carriage, PlanRating(peers))
    server = process.closing(serve(served, settings))
    await stock_inventory(db)
    await sow_catalogue(db)
    bus.relay(db)
    await bus.consume(db, "tenancy", {**HANDLERS, **Money(settings.public_url, mailed=mailer is not None).handlers})
    if mailer is not None:
        process.tasks.every(2.0, mailer.send_due, "e-mails")
    process.tasks.every(EVERY_SECONDS, lambda: sweep(db), "sweep of what is over")
    process.tasks.every(DUE_EVERY_SECONDS, lambda: settle_due(db), "subscriptions' due changes")
    process.tasks.every(KEPT_EVERY_SECONDS, lambda: end_kept(db), "end of holds and quarantines")
    if carriage.carrier is not None:
        porter = Porter(db, process.closing(carriage.carrier), carriage.seal)
        process.tasks.every(PORTING_EVERY_SECONDS, porter.work_due, "port orders")
        process.tasks.every(OUTS_EVERY_SECONDS, porter.work_outs, "port-outs")
    await server.start()
    process.draining(server.drain)
    process.draining(bus.drain)


def _carriage(settings: Settings, db: Database) -> Carriage:
    seal = Seal.load(settings.internal_key, PURPOSE) if settings.internal_key else Seal(os.urandom(32), PURPOSE)
    hooks = given(settings, "carrier_webhook_secret")
    carrier = None
    if settings.carrier == "rest":
        carrier = RestCarrier(settings.carrier_url, given(settings, "carrier_token"))
    elif settings.carrier == "simulated":
        carrier = SimulatedCarrier(db.clock)
    return Carriage(seal, carrier, lambda: key_of(hooks()) if hooks() else b"", settings.quarantine_days)


def servicers(
    db: Database,
    desk: Desk,
    flows: Flows,
    trunks: Trunks,
    provider: OpenIdProvider | None,
    mailed_links: str,
    carriage: Carriage | None = None,
    rating: PlanRating | None = None,
) -> list:
    """Every servicer of tenancy with the function that adds it. Without a carriage no number is ported."""
    carriage = carriage or Carriage(Seal(os.urandom(32), PURPOSE))
    return [
        (plan_service_pb2_grpc.add_PlanServiceServicer_to_server, Plans(db)),
        (operator_plan_service_pb2_grpc.add_OperatorPlanServiceServicer_to_server, OperatorPlans(db, rating)),
        (subscription_service_pb2_grpc.add_SubscriptionServiceServicer_to_server, Subscriptions(db)),
        (tenant_service_pb2_grpc.add_TenantServiceServicer_to_server, Tenants(db, desk)),
        (tenant_service_pb2_grpc.add_BrandServiceServicer_to_server, Brands(db)),
        (session_service_pb2_grpc.add_SessionServiceServicer_to_server, Sessions(db, desk, provider)),
        (session_service_pb2_grpc.add_UserServiceServicer_to_server, Users(db, desk, mailed_links)),
        (session_service_pb2_grpc.add_ApiKeyServiceServicer_to_server, ApiKeys(db)),
        (session_service_pb2_grpc.add_AuditServiceServicer_to_server, Audit(db)),
        (
            number_service_pb2_grpc.add_NumberServiceServicer_to_server,
            Numbers(db, flows, trunks, carriage.quarantine_days),
        ),
        (
            emergency_service_pb2_grpc.add_EmergencyAddressServiceServicer_to_server,
            EmergencyAddresses(db),
        ),
        (inventory_service_pb2_grpc.add_InventoryServiceServicer_to_server, Inventory(db)),
        (
            porting_service_pb2_grpc.add_PortingServiceServicer_to_server,
            Porting(db, desk, flows, carriage.seal, carriage.carrier is not None),
        ),
        (porting_service_pb2_grpc.add_CarrierServiceServicer_to_server, Carriers(db, carriage.webhook_key)),
        (operator_service_pb2_grpc.add_OperatorServiceServicer_to_server, Operators(db)),
        (limit_service_pb2_grpc.add_LimitServiceServicer_to_server, Limits(db)),
    ]


async def stock_inventory(db: Database) -> None:
    """Puts the test numbers into the inventory; those that are there stay as they are."""
    await db.system(lambda tx: inventory.fill(tx, fictitious_numbers()))


async def sow_catalogue(db: Database) -> None:
    """Puts the plans of the seed on sale that the catalogue hasn't; those that are there stay as they are."""
    await db.system(lambda tx: plans.sow(tx, catalogue.PLANS))

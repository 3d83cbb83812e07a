"""Whether a plan can be rated, said before anybody holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chassis.sql import Database, Tx
from kernel.tenant import PLATFORM
from merkez.billing.v1 import plan_rating_service_pb2, plan_rating_service_pb2_grpc
from merkez.tenancy.v1 import plan_pb2

from billing.convert import rate_in
from billing.domain import rates
from billing.domain.meters import BUILT_IN, Meter
from billing.domain.plans import VOICE_PREPAID, Model, Rate
from billing.ops import decks, meters

service = plan_rating_service_pb2
UNKNOWN, OTHER_CURRENCY, NOT_RATEABLE = "UNKNOWN", "OTHER_CURRENCY", "NOT_RATEABLE"


class PlanRating(plan_rating_service_pb2_grpc.PlanRatingServiceServicer):
    """merkez.billing.v1.PlanRatingService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def CheckPlanRates(
        self, request: service.CheckPlanRatesRequest, context: Any
    ) -> service.CheckPlanRatesResponse:
        return service.CheckPlanRatesResponse(
            faults=await self._db.run(PLATFORM, lambda tx: faults_of(tx, request.plan), read_only=True)
        )


async def faults_of(tx: Tx, plan: plan_pb2.Plan) -> list[service.RateFault]:
    """What keeps each rate from being rated. Transaction of the platform, whose decks plans name."""
    found: list[service.RateFault] = []
    known = await meters.operators_meters(tx)
    for place, said in enumerate(plan.rates):
        at = f"plan.rates[{place}]"
        found += _meter_faults(said, known, at)
        try:
            rate = rate_in(said)
            rates.check(rate)
        except rates.RateInvalid as error:
            wrong = error.fields[0]
            found.append(
                service.RateFault(
                    field=f"{at}.{wrong.field}", fault=NOT_RATEABLE, description=wrong.description
                )
            )  # fmt: skip
            continue
        except ArithmeticError:
            found.append(service.RateFault(field=at, fault=NOT_RATEABLE, description="has a number that is none"))
            continue
        found += await _deck_faults(tx, rate, plan.currency, f"{at}.rate_deck_id")
    return found


def _meter_faults(rate: plan_pb2.Rate, known: Mapping[str, Meter], at: str) -> list[service.RateFault]:
    found: list[service.RateFault] = []
    for field, name in (("meter", rate.meter), ("included_per_meter", rate.included_per_meter)):
        meter = BUILT_IN.get(name) or known.get(name)
        if name and (meter is None or meter.archived or name == VOICE_PREPAID):
            found.append(service.RateFault(field=f"{at}.{field}", fault=UNKNOWN, description="is no meter of a plan"))
    own = known.get(rate.meter)
    if own is not None and own.unit != rate.unit:
        wrong = f"is {own.unit}, as the meter says"
        found.append(service.RateFault(field=f"{at}.unit", fault=UNKNOWN, description=wrong))
    return found


async def _deck_faults(tx: Tx, rate: Rate, currency: str, at: str) -> list[service.RateFault]:
    if rate.model != Model.DECK:
        return []
    deck = await decks.find(tx, rate.rate_deck_id)
    if deck is None:
        return [service.RateFault(field=at, fault=UNKNOWN, description="is no rate deck")]
    if deck.header.currency != currency:
        return [service.RateFault(field=at, fault=OTHER_CURRENCY, description="is in another currency than the plan")]
    return []

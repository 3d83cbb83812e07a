"""The plan catalogue on sale. A version that was ever subscribed to never changes: a new price is a new version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from kernel.features import Feature, PlanFeatures

from tenancy.domain.plans import Limits, Plan, PlanNotFound, Rate

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)

PLANS: Sequence[Plan] = (
    Plan(
        plan_id="starter",
        version=1,
        tier=1,
        names={"en": "Starter", "tr": "Başlangıç", "az": "Başlanğıc", "fa": "آغاز"},
        summaries={
            "en": "For a first team and a first client.",
            "tr": "İlk ekip ve ilk müşteri için.",
            "az": "İlk komanda və ilk müştəri üçün.",
            "fa": "برای نخستین تیم و نخستین مشتری.",
        },
        currency="EUR",
        limits=Limits(5, 3, 2, 1, 30),
        rates=(
            Rate("seat_month", "month", "19.00"),
            Rate("voice_inbound_minute", "minute", "0.018", "500", 60, 60),
            Rate("number_month", "month", "2.00", "1"),
            Rate("recording_storage_gb_month", "gb_month", "0.50", "1"),
        ),
        features=(Feature.RECORDING, Feature.API),
        effective_time=_FIRST,
    ),
    Plan(
        plan_id="growth",
        version=1,
        tier=2,
        names={"en": "Growth", "tr": "Büyüme", "az": "Böyümə", "fa": "رشد"},
        summaries={
            "en": "For several clients and a day shift.",
            "tr": "Birden çok müşteri ve bir gündüz vardiyası için.",
            "az": "Bir neçə müştəri və gündüz növbəsi üçün.",
            "fa": "برای چند مشتری و یک شیفت روزانه.",
        },
        currency="EUR",
        limits=Limits(50, 30, 20, 10, 90),
        rates=(
            Rate("seat_month", "month", "39.00"),
            Rate("voice_inbound_minute", "minute", "0.014", "5000", 30, 6),
            Rate("number_month", "month", "1.50", "5"),
            Rate("recording_storage_gb_month", "gb_month", "0.30", "10"),
        ),
        features=(Feature.RECORDING, Feature.API, Feature.SKILLS, Feature.OIDC),
        effective_time=_FIRST,
    ),
    Plan(
        plan_id="scale",
        version=1,
        tier=3,
        names={"en": "Scale", "tr": "Ölçek", "az": "Miqyas", "fa": "گسترش"},
        summaries={
            "en": "For many clients around the clock.",
            "tr": "Gün boyu çok sayıda müşteri için.",
            "az": "Gecə-gündüz çoxlu müştəri üçün.",
            "fa": "برای مشتریان بسیار در همهٔ ساعت‌ها.",
        },
        currency="EUR",
        limits=Limits(1000, 500, 500, 200, 365),
        rates=(
            Rate("seat_month", "month", "59.00"),
            Rate("voice_inbound_minute", "minute", "0.010", "50000", 6, 6),
            Rate("number_month", "month", "1.00", "50"),
            Rate("recording_storage_gb_month", "gb_month", "0.20", "100"),
        ),
        features=(Feature.RECORDING, Feature.API, Feature.SKILLS, Feature.OIDC, Feature.AUDIT),
        effective_time=_FIRST,
    ),
)


def on_sale() -> list[Plan]:
    """The newest version of each plan, cheapest first."""
    newest: dict[str, Plan] = {}
    for plan in PLANS:
        if plan.plan_id not in newest or plan.version > newest[plan.plan_id].version:
            newest[plan.plan_id] = plan
    return sorted(newest.values(), key=lambda plan: plan.tier)


def find(plan_id: str, version: int = 0) -> Plan:
    """A plan's version, the newest for 0. Raises `PlanNotFound`."""
    for plan in on_sale() if version == 0 else PLANS:
        if plan.plan_id == plan_id and version in (0, plan.version):
            return plan
    raise PlanNotFound(f"There is no plan {plan_id!r}{f' of version {version}' if version else ''}.")


def lowest_plan_ids() -> Mapping[str, str]:
    """The lowest plan on sale that has a feature, by the feature's key."""
    return {feature: plan.plan_id for plan in reversed(on_sale()) for feature in plan.features}


def features_of(plan: Plan) -> PlanFeatures:
    """What a plan has, and where to find what it doesn't have."""
    return PlanFeatures(plan.plan_id, frozenset(plan.features), lowest_plan_ids())

"""The plans a new installation begins with. They are sown into the database once, where operators go on with them: a
version that is there never changes by what is written here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from kernel.features import Feature

from tenancy.domain.plans import Catalogue, Limits, Plan, Rate

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


def seed() -> Catalogue:
    """The catalogue as it is sown."""
    return Catalogue(PLANS)

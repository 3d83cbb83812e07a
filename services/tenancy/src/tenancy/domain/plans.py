"""Plans and add-ons: versions, limits, prices, and whether a tenant fits into one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from fractions import Fraction

from kernel.errors import FailedPrecondition, NotFound, QuotaExceeded
from kernel.features import Feature, PlanFeatures
from kernel.proration import MONTH, YEAR

DRAFT, ON_SALE, RETIRED = "DRAFT", "ON_SALE", "RETIRED"
STANDARD, GRADUATED, VOLUME, PACKAGE = "STANDARD", "GRADUATED", "VOLUME", "PACKAGE"
PERCENTAGE, GRADUATED_PERCENTAGE, DECK = "PERCENTAGE", "GRADUATED_PERCENTAGE", "DECK"
ARREARS, ADVANCE = "ARREARS", "ADVANCE"
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class PlanNotFound(NotFound):
    """The catalogue has no such plan or version."""

    reason = "PLAN_NOT_FOUND"


class AddOnNotFound(NotFound):
    """The catalogue has no such add-on or version."""

    reason = "ADD_ON_NOT_FOUND"


class PlanLimitReached(QuotaExceeded):
    """The plan's limit is used up; the metadata says which and how much."""

    reason = "PLAN_LIMIT_REACHED"


class PlanLimitsExceeded(FailedPrecondition):
    """What the tenant uses doesn't fit into the plan it wants."""

    reason = "PLAN_LIMITS_EXCEEDED"


@dataclass(frozen=True)
class Limits:
    """What a plan allows, or what one of an add-on adds to that."""

    max_users: int = 0
    max_concurrent_calls: int = 0
    max_numbers: int = 0
    max_brands: int = 0
    recording_retention_days: int = 0
    max_api_requests_per_minute: int = 0
    max_campaigns: int = 0

    def plus(self, more: Limits, times: int = 1) -> Limits:
        """These and `times` as much as `more`. The API's 0 means no bound of the plan's: it stays without."""
        added = {name: getattr(self, name) + getattr(more, name) * times for name in LIMITS}
        if not self.max_api_requests_per_minute:
            added["max_api_requests_per_minute"] = 0
        return Limits(**added)


LIMITS = tuple(each.name for each in fields(Limits))
"""Names of the limits, in their order."""


@dataclass(frozen=True)
class Tier:
    """One tier of a rate; decimals as text, exact. An empty `up_to` has no end."""

    up_to: str = ""
    unit_price: str = ""
    flat_fee: str = ""
    percent: str = ""
    package_size: str = ""
    """Units one `unit_price` is for, every package begun counting; empty prices each unit."""


@dataclass(frozen=True)
class Rate:
    """How a meter is charged; amounts in the plan's currency, decimals as text, exact; empty means none."""

    meter: str
    unit: str
    price: str = ""
    included_units: str = "0"
    first_increment_seconds: int = 0
    next_increment_seconds: int = 0
    model: str = STANDARD
    tiers: Sequence[Tier] = ()
    package_size: str = ""
    percent: str = ""
    record_fee: str = ""
    free_records: int = 0
    record_minimum: str = ""
    record_maximum: str = ""
    minimum: str = ""
    maximum: str = ""
    timing: str = ARREARS
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    rate_deck_id: str = ""
    included_per_meter: str = ""
    """Meter whose quantity the included units are multiplied by; empty: they are included once."""
    flat_fee_at_zero: bool = False
    """Whether the first tier's flat fee is charged also when nothing was used."""

    @property
    def rate_id(self) -> str:
        """Stable key within the plan: no two of its rates have the same meter and properties."""
        said = ",".join(f"{name}={value}" for name, value in sorted(self.properties.items()))
        return f"{self.meter}:{said}" if said else self.meter


@dataclass(frozen=True)
class Plan:
    """One version of a plan. Never changes once it is published."""

    plan_id: str
    version: int
    tier: int
    names: Mapping[str, str]
    summaries: Mapping[str, str]
    currency: str
    limits: Limits
    rates: Sequence[Rate]
    features: Sequence[Feature]
    effective_time: datetime = _EARLIEST
    price: str = ""
    interval: str = MONTH
    trial_days: int = 0
    soft_limits: Sequence[str] = ()
    tenant_id: str = ""
    minimum: str = ""
    state: str = ON_SALE

    @property
    def fee(self) -> Fraction:
        """Of one interval, exact."""
        return Fraction(self.price or "0")

    @property
    def yearly_fee(self) -> Fraction:
        """What a year of it costs beside usage."""
        return self.fee * (1 if self.interval == YEAR else 12)

    def is_below(self, other: Plan) -> bool:
        """Whether moving here from the other is a downgrade: a lower fee by the year, of equal fees the lower tier."""
        return (self.yearly_fee, self.tier) < (other.yearly_fee, other.tier)


@dataclass(frozen=True)
class AddOn:
    """One version of an add-on. Never changes once it is published."""

    add_on_id: str
    version: int
    names: Mapping[str, str]
    summaries: Mapping[str, str]
    currency: str
    price: str = ""
    interval: str = MONTH
    limits: Limits = field(default_factory=Limits)
    features: Sequence[Feature] = ()
    plan_ids: Sequence[str] = ()
    state: str = ON_SALE
    effective_time: datetime = _EARLIEST

    def goes_with(self, plan: Plan) -> bool:
        """Whether it can be held beside the plan."""
        return self.currency == plan.currency and (not self.plan_ids or plan.plan_id in self.plan_ids)


@dataclass(frozen=True)
class Catalogue:
    """Every published version there is."""

    plans: Sequence[Plan] = ()
    add_ons: Sequence[AddOn] = ()

    def on_sale(self, tenant_id: str = "") -> list[Plan]:
        """The version on sale of each plan anybody may have and of those of the tenant, lowest tier first."""
        newest: dict[str, Plan] = {}
        for plan in self.plans:
            known = newest.get(plan.plan_id)
            if plan.state == ON_SALE and plan.tenant_id in ("", tenant_id):
                newest[plan.plan_id] = plan if known is None or plan.version > known.version else known
        return sorted(newest.values(), key=lambda plan: (plan.tier, plan.yearly_fee, plan.plan_id))

    def find(self, plan_id: str, version: int = 0, tenant_id: str = "") -> Plan:
        """A plan's version, the one on sale for 0. Raises `PlanNotFound`, also for another company's."""
        for plan in self.on_sale(tenant_id) if version == 0 else self.plans:
            if plan.plan_id == plan_id and version in (0, plan.version) and plan.tenant_id in ("", tenant_id):
                return plan
        raise PlanNotFound(f"There is no plan {plan_id!r}{f' of version {version}' if version else ' on sale'}.")

    def add_ons_on_sale(self) -> list[AddOn]:
        """The version on sale of each add-on."""
        newest: dict[str, AddOn] = {}
        for each in sorted(self.add_ons, key=lambda each: each.version):
            if each.state == ON_SALE:
                newest[each.add_on_id] = each
        return sorted(newest.values(), key=lambda each: each.add_on_id)

    def find_add_on(self, add_on_id: str, version: int = 0) -> AddOn:
        """An add-on's version, the one on sale for 0. Raises `AddOnNotFound`."""
        for each in self.add_ons_on_sale() if version == 0 else self.add_ons:
            if each.add_on_id == add_on_id and version in (0, each.version):
                return each
        raise AddOnNotFound(f"There is no add-on {add_on_id!r}{f' of version {version}' if version else ' on sale'}.")

    def lowest_plan_ids(self) -> Mapping[str, str]:
        """The lowest plan on sale that has a feature, by the feature's key."""
        return {feature: plan.plan_id for plan in reversed(self.on_sale()) for feature in plan.features}

    def features_of(self, plan: Plan) -> PlanFeatures:
        """What a plan has, and where to find what it doesn't have."""
        return PlanFeatures(plan.plan_id, frozenset(plan.features), self.lowest_plan_ids())


def with_add_ons(plan: Plan, held: Iterable[tuple[AddOn, int]]) -> Plan:
    """The plan with what add-ons and their quantities give beside it: the entitlements of who holds them."""
    limits, features = plan.limits, list(plan.features)
    for add_on, quantity in held:
        limits = limits.plus(add_on.limits, quantity)
        features += [each for each in add_on.features if each not in features]
    return replace(plan, limits=limits, features=tuple(features))


def misfits(limits: Limits, used: Mapping[str, int], soft: Sequence[str] = ()) -> dict[str, tuple[int, int]]:
    """What is in use over a limit that refuses: (used, allowed) by the limit's short name, such as users."""
    allowed = {name: int(getattr(limits, f"max_{name}")) for name in used if f"max_{name}" not in soft}
    return {name: (used[name], most) for name, most in allowed.items() if used[name] > most}


def check_fit(limits: Limits, used: Mapping[str, int], soft: Sequence[str] = ()) -> None:
    """Raises `PlanLimitsExceeded` naming each limit that is already exceeded; one that is `soft` refuses nothing."""
    over = misfits(limits, used, soft)
    if over:
        said = ", ".join(f"{count} {name} (allowed {allowed})" for name, (count, allowed) in over.items())
        raise PlanLimitsExceeded(
            f"The plan is too small for what is in use: {said}.", metadata={"limits": ",".join(over)}
        )

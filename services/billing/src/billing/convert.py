"""Between the contract's messages and the domain's values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from chassis.instants import time_out
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.proration import MONTH, YEAR
from merkez.billing.v1 import billing_events_pb2, billing_pb2, payment_events_pb2, wallet_events_pb2, wallet_pb2
from merkez.telephony.v1 import call_pb2
from merkez.tenancy.v1 import plan_pb2, subscription_pb2, tenancy_events_pb2
from merkez.type.v1 import money_pb2

from billing.domain.plans import VOICE, VOICE_OUT, Model, PlanHeld, Rate, Tier, Timing
from billing.domain.statements import LineKind, Statement, StatementLine
from billing.domain.subscriptions import HeldAddOn, State, SubscriptionVersion
from billing.domain.usage import EndedCall, UsageRecord
from billing.domain.wallets import Grant
from billing.money_proto import money, share_out, shown

REFUSED = ("CONCURRENT_CALL_LIMIT_REACHED", "TENANT_SUSPENDED", "CALL_LOOPED")
"""End causes of calls that were refused: nobody pays for a refusal."""
BALANCE_USED_UP = "BALANCE_USED_UP"
"""End cause of prepaid calls alone."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MODELS = {
    plan_pb2.RATE_MODEL_STANDARD: Model.STANDARD,
    plan_pb2.RATE_MODEL_GRADUATED: Model.GRADUATED,
    plan_pb2.RATE_MODEL_VOLUME: Model.VOLUME,
    plan_pb2.RATE_MODEL_PACKAGE: Model.PACKAGE,
    plan_pb2.RATE_MODEL_PERCENTAGE: Model.PERCENTAGE,
    plan_pb2.RATE_MODEL_GRADUATED_PERCENTAGE: Model.GRADUATED_PERCENTAGE,
    plan_pb2.RATE_MODEL_DECK: Model.DECK,
}
_STATES = {
    subscription_pb2.SUBSCRIPTION_STATE_TRIAL: State.TRIAL,
    subscription_pb2.SUBSCRIPTION_STATE_ACTIVE: State.ACTIVE,
    subscription_pb2.SUBSCRIPTION_STATE_PAUSED: State.PAUSED,
    subscription_pb2.SUBSCRIPTION_STATE_CANCELLED: State.CANCELLED,
}
_KINDS = {
    LineKind.USAGE: billing_pb2.LINE_KIND_USAGE,
    LineKind.FEE: billing_pb2.LINE_KIND_FEE,
    LineKind.COMMITMENT: billing_pb2.LINE_KIND_COMMITMENT,
    LineKind.LATE: billing_pb2.LINE_KIND_LATE,
    LineKind.ADJUSTMENT: billing_pb2.LINE_KIND_ADJUSTMENT,
}


def plan_in(fact: tenancy_events_pb2.PlanSubscribed, fact_time: datetime) -> PlanHeld:
    """The plan version a tenant holds from now on."""
    return PlanHeld(
        plan_id=fact.plan.plan_id,
        version=fact.plan.version,
        currency=fact.plan.currency,
        rates={rate.rate_id or rate.meter: rate_in(rate) for rate in fact.plan.rates},
        effective_time=fact.effective_time.ToDatetime(tzinfo=UTC),
        time_zone=fact.time_zone or "UTC",
        fact_time=fact_time,
        fee=_decimal(fact.plan.price.amount),
        interval=_interval(fact.plan.interval),
        minimum=_bound(fact.plan, "minimum"),
        subscription_version=fact.subscription_version,
    )


def rate_in(rate: plan_pb2.Rate) -> Rate:
    """A rate of a plan."""
    return Rate(
        price=_decimal(rate.price.amount),
        included=_decimal(rate.included_units),
        first_increment=rate.first_increment_seconds,
        next_increment=rate.next_increment_seconds,
        model=_MODELS.get(rate.model, Model.STANDARD),
        tiers=tuple(
            Tier(
                Decimal(tier.up_to) if tier.up_to else None, _decimal(tier.unit_price.amount),
                _decimal(tier.flat_fee.amount), _decimal(tier.percent), _decimal(tier.package_size),
            )
            for tier in rate.tiers
        ),
        package_size=_decimal(rate.package_size) or Decimal(1),
        percent=_decimal(rate.percent),
        record_fee=_decimal(rate.record_fee.amount),
        free_records=rate.free_records,
        record_minimum=_bound(rate, "record_minimum"),
        record_maximum=_bound(rate, "record_maximum"),
        minimum=_bound(rate, "minimum"),
        maximum=_bound(rate, "maximum"),
        timing=Timing.ADVANCE if rate.timing == plan_pb2.RATE_TIMING_ADVANCE else Timing.ARREARS,
        rate_id=rate.rate_id,
        meter=rate.meter,
        properties=dict(rate.properties),
        rate_deck_id=rate.rate_deck_id,
        included_per=rate.included_per_meter,
        flat_at_zero=rate.flat_fee_at_zero,
    )  # fmt: skip


def subscription_in(fact: tenancy_events_pb2.SubscriptionChanged) -> SubscriptionVersion:
    """How a subscription stands from a moment on."""
    value = fact.subscription
    state = _STATES.get(value.state, State.ACTIVE)
    prices = {(each.add_on_id, each.version): each for each in fact.add_ons}
    held: list[HeldAddOn] = []
    for each in value.add_ons:
        priced = prices.get((each.add_on_id, each.version), plan_pb2.AddOn())
        held.append(
            HeldAddOn(
                each.add_on_id, each.version, each.quantity, _time(each, "start_time") or _EPOCH,
                _time(each, "end_time"), priced.currency or fact.plan.currency, _decimal(priced.price.amount),
                _interval(priced.interval),
            )
        )  # fmt: skip
    stop = "pause_time" if state == State.PAUSED else "cancel_time"
    changed = _time(fact, "change_time") or _EPOCH
    return SubscriptionVersion(
        value.version, changed, state, _time(value, "anchor_time") or _time(value, "start_time") or changed,
        _time(value, "trial_end_time"),
        _time(value, stop) if state in (State.PAUSED, State.CANCELLED) else None, tuple(held),
        ends_time=_ends(value) if state != State.CANCELLED else None,
    )  # fmt: skip


def _ends(value: subscription_pb2.Subscription) -> datetime | None:
    pending = value.pending_change
    return _time(pending, "effective_time") if value.HasField("pending_change") and not pending.plan_id else None


def metered(cdr: call_pb2.Cdr) -> bool:
    """Whether a call is billed at all: it wasn't refused, and of a call out somebody answered."""
    answered = cdr.direction != call_pb2.DIRECTION_OUTBOUND or _connected(cdr) is not None
    return answered and cdr.end_cause not in REFUSED


def _connected(cdr: call_pb2.Cdr) -> Timestamp | None:
    """When the number called answered; records of before they said so know when somebody talked with it."""
    named = next((name for name in ("connect_time", "answer_time") if cdr.HasField(name)), "")
    return getattr(cdr, named) if named else None


def call_in(cdr: call_pb2.Cdr) -> EndedCall:
    """What billing needs of a CDR: what of it is billed, in whole seconds, a begun one counting."""
    return EndedCall(
        meter=VOICE_OUT if cdr.direction == call_pb2.DIRECTION_OUTBOUND else VOICE,
        call_id=cdr.call_id,
        brand_id=cdr.brand_id,
        start_time=cdr.start_time.ToDatetime(tzinfo=UTC),
        used_seconds=talk_in(cdr) if cdr.direction == call_pb2.DIRECTION_OUTBOUND else record_in(cdr),
        dialed_number=cdr.dialed_number,
        record_seconds=record_in(cdr),
        refused_by_wallet=cdr.end_cause == BALANCE_USED_UP,
    )


def record_out(record: UsageRecord) -> billing_pb2.UsageRecord:
    """A usage record as the contract shows it."""
    return billing_pb2.UsageRecord(
        usage_record_id=record.usage_record_id,
        meter=record.meter,
        source=record.source,
        source_id=record.source_id,
        usage_time=time_out(record.usage_time),
        used_seconds=record.used_seconds,
        billed_seconds=record.billed_seconds,
        quantity=shown(record.quantity),
        charge=money_pb2.Money(currency=record.currency, amount=shown(record.charge)),
        plan_id=record.plan_id,
        plan_version=record.plan_version,
        brand_id=record.brand_id,
        properties=dict(record.properties),
    )


def usage_rated(record: UsageRecord) -> billing_events_pb2.UsageRated:
    """The fact that usage was recorded and rated."""
    return billing_events_pb2.UsageRated(usage_record=record_out(record))


def preview_out(statement: Statement, now: datetime, names: Mapping[str, str]) -> billing_pb2.InvoicePreview:
    """A statement as a preview in the contract."""
    currency = statement.currency
    return billing_pb2.InvoicePreview(
        period_start_time=time_out(statement.start_time),
        period_end_time=time_out(statement.end_time),
        lines=[line_out(line, currency, names) for line in statement.lines],
        total=money(statement.total, currency),
        plan_id=statement.plan_id,
        plan_version=statement.plan_version,
        compute_time=time_out(now),
        subtotal=money(statement.subtotal, currency),
        discounts=[
            billing_pb2.StatementDiscount(
                discount_id=each.discount_id, name=each.name, amount=money(each.amount, currency)
            )
            for each in statement.discounts
        ],
        taxes=[
            billing_pb2.StatementTax(
                tax_code=each.tax_code, name=each.name, percent=str(each.percent), base=money(each.base, currency),
                amount=money(each.amount, currency), included=each.included,
            )
            for each in statement.taxes
        ],
    )  # fmt: skip


def line_out(line: StatementLine, currency: str, names: Mapping[str, str]) -> billing_pb2.InvoiceLine:
    """A line of a statement as the contract shows it."""
    return billing_pb2.InvoiceLine(
        meter=line.meter,
        description_key=line.description_key,
        quantity=shown(line.quantity),
        included_quantity=shown(line.included),
        unit_price=money(line.unit_price, currency),
        amount=money(line.amount, currency),
        start_time=time_out(line.start_time),
        end_time=time_out(line.end_time),
        kind=_KINDS[line.kind],
        line_id=line.line_id,
        rate_id=line.rate_id,
        description_parameters=dict(line.description_parameters),
        discount=money(line.discount, currency),
        tax_code=line.tax_code,
        brands=[share_out(each, currency, names) for each in line.brands],
    )


def wallet_topped_up(grant: Grant, currency: str, balance: Decimal) -> wallet_events_pb2.WalletToppedUp:
    """The fact that money came into a wallet."""
    made = wallet_pb2.Grant(
        grant_id=grant.grant_id, amount=money(grant.amount, currency),
        source=wallet_pb2.GrantSource.Value(f"GRANT_SOURCE_{grant.source.name}"), priority=grant.priority,
        expire_time=time_out(grant.expire_time), create_time=time_out(grant.create_time),
    )  # fmt: skip
    return wallet_events_pb2.WalletToppedUp(grant=made, balance=money(balance, currency))


def wallet_balance_low(threshold: Decimal, balance: Decimal, currency: str) -> wallet_events_pb2.WalletBalanceLow:
    """The fact that a balance fell below where somebody wishes to know it."""
    return wallet_events_pb2.WalletBalanceLow(threshold=money(threshold, currency), balance=money(balance, currency))


def wallet_top_up_failed(amount: Decimal, currency: str, failure: str) -> payment_events_pb2.WalletTopUpFailed:
    """The fact that a wallet wasn't topped up by itself."""
    return payment_events_pb2.WalletTopUpFailed(amount=money(amount, currency), failure=failure)


def wallet_top_up_due(amount: Decimal, balance: Decimal, currency: str) -> wallet_events_pb2.WalletTopUpDue:
    """The fact that a wallet is to be topped up by itself."""
    return wallet_events_pb2.WalletTopUpDue(amount=money(amount, currency), balance=money(balance, currency))


def _decimal(text: str) -> Decimal:
    return Decimal(text or "0")


def _bound(message: Message, name: str) -> Decimal | None:
    return _decimal(getattr(message, name).amount) if message.HasField(name) else None


def _time(message: Message, name: str) -> datetime | None:
    return getattr(message, name).ToDatetime(tzinfo=UTC) if message.HasField(name) else None


def _interval(value: int) -> str:
    return YEAR if value == plan_pb2.BILLING_INTERVAL_YEAR else MONTH


def record_in(cdr: call_pb2.Cdr) -> int:
    """Seconds a CDR says a call was up or rang, a begun one counting."""
    return max(0, cdr.duration.seconds + (1 if cdr.duration.nanos > 0 else 0))


def talk_in(cdr: call_pb2.Cdr) -> int:
    """Seconds a call is charged for, a begun one counting: from the platform's answer, which of a call out is when the
    number called answered, to the end, less what no node vouches for; 0 of a call out that nobody answered."""
    begin = cdr.start_time
    if cdr.direction == call_pb2.DIRECTION_OUTBOUND:
        answered = _connected(cdr)
        if answered is None:
            return 0
        begin = answered
    return _lasted(begin, cdr)


def media_in(cdr: call_pb2.Cdr) -> int:
    """Seconds between a call's start and end, less what no node vouches for, a begun one counting."""
    return _lasted(cdr.start_time, cdr)


def end_in(cdr: call_pb2.Cdr) -> datetime:
    """When a call ended."""
    return cdr.end_time.ToDatetime(tzinfo=UTC)


def _lasted(begin: Timestamp, cdr: call_pb2.Cdr) -> int:
    nanos = cdr.end_time.ToNanoseconds() - begin.ToNanoseconds() - cdr.unheard_duration.ToNanoseconds()
    return max(0, -(-nanos // 1_000_000_000))

"""Dialing out: from what somebody typed to attempts over gateways, in order, or one clear refusal.

Pure: whoever asks brings what the rows say. `decide` may be wrong about load by the time an attempt is made; the line
taken for it (`lines.check_trunk_room`, in one transaction) is what holds the limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

import phonenumbers
from kernel.errors import DomainError, FailedPrecondition, InvalidInput
from kernel.ids import new_id
from kernel.money import Money
from kernel.phone import is_e164
from kernel.tenant import TenantRestricted, TenantSuspended
from phonenumbers import PhoneNumberFormat, PhoneNumberType, shortnumberinfo

from telephony.domain import lines, trunks
from telephony.domain.countries import NOWHERE, CountryRules, Tier, tier_of
from telephony.domain.lines import Line, Load, OutboundSettings
from telephony.domain.trunks import Gateway, GatewayHealth, Trunk

MAX_TYPED = 64
MAX_ATTEMPTS = 6
"""More would ring somebody's patience out: each may take some seconds to fail."""

_DEAR = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER})


class NumberInvalid(InvalidInput):
    """No telephone number can be read out of it."""

    reason = "NUMBER_INVALID"


class EmergencyNumber(FailedPrecondition):
    """Emergency services are not called through a contact center: they could not find the caller."""

    reason = "EMERGENCY_NUMBER"


class NumberBlocked(FailedPrecondition):
    """The tenant's country rules, or the kind of number, forbid it."""

    reason = "NUMBER_BLOCKED"


class NoTrunk(FailedPrecondition):
    """No trunk can take the call: none is set up, none is enabled, or none of their gateways answers."""

    reason = "NO_TRUNK"


class CallerNumberNotOwned(FailedPrecondition):
    """The caller number to be shown is not one of the tenant's."""

    reason = "CALLER_NUMBER_NOT_OWNED"


class NoCallerNumber(FailedPrecondition):
    """Nothing says which number to show: the brand has none, or no brand was named."""

    reason = "NO_CALLER_NUMBER"


@dataclass(frozen=True)
class TrunkSight:
    """A trunk as it looks when a call is decided: its gateways' health by id, and its load."""

    trunk: Trunk
    health: Mapping[str, GatewayHealth] = field(default_factory=dict)
    load: Load = field(default_factory=Load)


@dataclass(frozen=True)
class CallerNumbers:
    """What a tenant may show: numbers it owns, and the brand's default (or empty)."""

    owned: frozenset[str]
    default: str = ""
    trunks: Mapping[str, str] = field(default_factory=dict)
    """Of numbers the tenant brought from its own carrier, the trunk that alone shows each: nobody else can tell whether
    they are its own."""


@dataclass(frozen=True)
class Dialer:
    """Who dials: the tenant with its rules, limits and load."""

    tenant_id: str
    numbers: CallerNumbers
    rules: CountryRules
    settings: OutboundSettings
    load: Load = field(default_factory=Load)


@dataclass(frozen=True)
class Wish:
    """What is asked for: a number as typed, and a caller number to show (empty for the brand's)."""

    number: str
    caller_number: str = ""


@dataclass(frozen=True)
class Destination:
    """Where a number leads."""

    number: str
    country: str
    tier: Tier
    dear: bool = False
    """Premium rate, shared cost or personal: whoever is called earns by it."""


@dataclass(frozen=True)
class Attempt:
    """One try over one gateway. `dialed` and `caller` are written as the carrier wants them."""

    trunk: Trunk
    gateway: Gateway
    dialed: str
    caller: str
    price: Money


@dataclass(frozen=True)
class Plan:
    """A call that may be made: attempts in the order to try them, at least one."""

    destination: Destination
    caller_number: str
    attempts: tuple[Attempt, ...]

    def line(self, attempt: Attempt, dialer: Dialer, call_id: str, node_id: str, now: datetime) -> Line:
        """The line an attempt takes."""
        return Line(
            line_id=new_id("lin", now),
            tenant_id=attempt.trunk.tenant_id,
            caller_tenant_id=dialer.tenant_id,
            trunk_id=attempt.trunk.trunk_id,
            gateway_id=attempt.gateway.gateway_id,
            call_id=call_id,
            node_id=node_id,
            inbound=False,
            country=self.destination.country,
            tier=self.destination.tier,
            price=attempt.price,
            take_time=now,
        )


def decide(wish: Wish, dialer: Dialer, sights: Sequence[TrunkSight], now: datetime, chance: Random) -> Plan:
    """How the call is made. Raises NumberInvalid, EmergencyNumber, NumberBlocked, CallerNumberNotOwned, NoCallerNumber,
    NoTrunk, TrunkLimitReached, CallRateLimitReached or SpendLimitReached; of several trunks' refusals the first
    trunk's."""
    caller = caller_number(wish.caller_number, dialer.numbers)
    destination = where(wish.number, dialer, caller)
    check_allowed(destination, dialer.rules)
    only = dialer.numbers.trunks.get(caller, "")
    offers = [
        each
        for each in sights
        if each.trunk.enabled and each.trunk.gateways and _owned(each.trunk, dialer)
        if only in ("", each.trunk.trunk_id)
    ]
    if not offers and only:
        raise NoTrunk("the trunk of the caller number is gone or disabled: bind the number to another one")
    if not offers:
        raise NoTrunk("there is no trunk that calls can go out on")
    attempts: list[Attempt] = []
    refusals: list[DomainError] = []
    for sight in sorted(offers, key=lambda each: (each.trunk.shared, each.trunk.priority, each.trunk.trunk_id)):
        try:
            _check_room(sight, destination, dialer, now)
        except DomainError as refused:
            refusals.append(refused)
            continue
        attempts += _attempts(sight, destination, caller, chance)
    if not attempts:
        raise refusals[0]
    return Plan(destination, caller, _living_first(attempts, offers)[:MAX_ATTEMPTS])


def caller_number(wanted: str, numbers: CallerNumbers) -> str:
    """The number to show. CallerNumberNotOwned, NoCallerNumber."""
    chosen = wanted or numbers.default
    if not chosen:
        raise NoCallerNumber(
            "there is no number to show: name a brand that has one, or give the brand one first; one you brought needs "
            "a trunk and the approval of the platform's operator"
        )
    if chosen not in numbers.owned:
        raise CallerNumberNotOwned(
            "the caller number is not one you may show: choose another; one you brought needs a trunk and the approval "
            "of the platform's operator"
        )
    return chosen


def where(typed: str, dialer: Dialer, caller: str) -> Destination:
    """The destination of a number as it is dialled in the country of the caller number. NumberInvalid,
    EmergencyNumber."""
    home = country_of(_parsed(caller, None)) if caller else ""
    text = typed.strip()
    if not 0 < len(text) <= MAX_TYPED:
        raise NumberInvalid.of("number", "is required, at most 64 characters")
    if _is_emergency(text, home):
        raise EmergencyNumber("emergency numbers can't be called from here: use a telephone")
    parsed = _parsed(text, home or None)
    if parsed is not None and any(_is_emergency(f"+{parsed.national_number}", each) for each in _sharing(parsed)):
        raise EmergencyNumber("emergency numbers can't be called from here: use a telephone")
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164) if parsed else ""
    if parsed is None or not is_e164(number) or parsed.extension or not phonenumbers.is_possible_number(parsed):
        raise NumberInvalid.of("number", "must be a telephone number; with its country code it is always clear")
    country = country_of(parsed)
    dear = phonenumbers.number_type(parsed) in _DEAR
    return Destination(number, country, Tier.HIGH if dear else _tier(country, dialer), dear)


def require_calls(*, suspended: bool, restricted: bool = False) -> None:
    """A company that calls somebody may. `restricted` where that is a call of its own, and not a part of one that came
    in. Raises `TenantSuspended`, `TenantRestricted`."""
    if suspended:
        raise TenantSuspended("the company is suspended: it makes no calls")
    if restricted:
        raise TenantRestricted("invoices are overdue: the company calls nobody until they are paid")


def check_allowed(destination: Destination, rules: CountryRules) -> None:
    """NumberBlocked unless the tenant's rules let calls there. No rule lets calls to numbers whose owner earns by
    them."""
    if destination.dear or not rules.allow(destination.country, destination.tier):
        raise NumberBlocked(
            "calls to this number are blocked",
            metadata={"country": destination.country, "tier": destination.tier.value},
        )


def country_of(number: phonenumbers.PhoneNumber | None) -> str:
    """The country a number belongs to, NOWHERE when the plan gives it to none. Where several share a code and no range
    fits, it is the riskiest of them: nobody knows who gets the money."""
    if number is None:
        return NOWHERE
    return phonenumbers.region_code_for_number(number) or max(_sharing(number), key=lambda each: _RISK[tier_of(each)])


def _sharing(number: phonenumbers.PhoneNumber) -> Sequence[str]:
    """The countries of a number's country code."""
    return phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(number.country_code or 0, (NOWHERE,))


_RISK = {Tier.STANDARD: 0, Tier.ELEVATED: 1, Tier.HIGH: 2}


def _tier(country: str, dialer: Dialer) -> Tier:
    """By the list; where the platform gave the tenant numbers is STANDARD. Numbers it says are its own make no country
    safe: anybody may say so."""
    given = dialer.numbers.owned - dialer.numbers.trunks.keys()
    homes = {country_of(_parsed(each, None)) for each in given}
    return Tier.STANDARD if country in homes else tier_of(country)


def _is_emergency(text: str, country: str) -> bool:
    """Whether this, dialled in the country, calls for help; with a plus sign only when it is that number exactly."""
    digits = text.removeprefix("+")
    if not country or country == NOWHERE or not digits.isascii():
        return False
    return shortnumberinfo.is_emergency_number(digits, country) or (
        not text.startswith("+") and shortnumberinfo.connects_to_emergency_number(digits, country)
    )


def _parsed(text: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, None if country == NOWHERE else country)
    except phonenumbers.NumberParseException:
        return None


def _owned(trunk: Trunk, dialer: Dialer) -> bool:
    return trunk.shared or trunk.tenant_id == dialer.tenant_id


def _check_room(sight: TrunkSight, destination: Destination, dialer: Dialer, now: datetime) -> None:
    trunk = sight.trunk
    price = trunks.price_of(trunk, destination.country, destination.tier)
    likely = Line(
        "", trunk.tenant_id, dialer.tenant_id, trunk.trunk_id, "", "", "", False,
        destination.country, destination.tier, price, now,
    )  # fmt: skip
    lines.check_tenant_room(likely, dialer.settings, dialer.load)
    lines.check_trunk_room(likely, trunk.limits, sight.load)


def _attempts(sight: TrunkSight, destination: Destination, caller: str, chance: Random) -> list[Attempt]:
    trunk = sight.trunk
    price = trunks.price_of(trunk, destination.country, destination.tier)
    dialed, shown = trunk.dialed_format.write(destination.number), trunk.caller_format.write(caller)
    return [Attempt(trunk, each, dialed, shown, price) for each in in_order(trunk.gateways, chance)]


def in_order(gateways: Sequence[Gateway], chance: Random) -> list[Gateway]:
    """By priority, among equals at random by weight (RFC 2782)."""
    # The largest u^(1/w) comes first with a chance of w over the sum (Efraimidis and Spirakis 2006).
    drawn = [(each.priority, -(chance.random() ** (1 / each.weight)), each.gateway_id, each) for each in gateways]
    return [each for *_, each in sorted(drawn, key=lambda item: item[:3])]


def _living_first(attempts: Sequence[Attempt], sights: Sequence[TrunkSight]) -> tuple[Attempt, ...]:
    """Gateways that don't answer come last, not never: what refuses OPTIONS may still take a call."""
    health = {id_: each for sight in sights for id_, each in sight.health.items()}

    def dead(attempt: Attempt) -> bool:
        gateway_id = attempt.gateway.gateway_id
        return not trunks.usable(attempt.trunk, health.get(gateway_id, GatewayHealth(gateway_id)))

    return tuple(sorted(attempts, key=dead))


def read_dialed(text: str, trunk: Trunk) -> str:
    """E.164 of the number a carrier says was called, "" when none can be read: it writes E.164 with or without the
    plus sign, or as dialled in the trunk's country."""
    # A tel URI's and many carriers' visual separators and parameters (RFC 3966 5.1.1).
    text = text.split(";")[0].strip()
    tries = [(text, trunk.country or None)] if text.startswith("+") or trunk.country else []
    tries.append((f"+{text.removeprefix('+')}", None))
    for each, country in tries:
        parsed = _parsed(each, country)
        if parsed is not None and phonenumbers.is_possible_number(parsed):
            number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
            if is_e164(number):
                return number
    return ""

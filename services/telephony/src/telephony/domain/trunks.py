"""Trunks: links to carriers with their gateways, limits and prices. What may be in one, and who may use it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum

from kernel.errors import Conflict, FailedPrecondition, FieldViolation, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.money import Money, minor_digits
from kernel.networks import Network, may_reach
from kernel.tenant import PLATFORM

from telephony.domain.countries import Tier, countries

MAX_NAME = 120
MAX_TRUNKS = 100
"""Of a company. Each node keeps every trunk in mind, registers and pings it."""
MAX_GATEWAYS = 16
MAX_NETWORKS = 32
MAX_RATES = 300
MAX_CALLS, MAX_CALLS_PER_SECOND = 2_000, 200
CALLS, CALLS_PER_SECOND = 30, 5
PORT, TLS_PORT = 5060, 5061
CURRENCY = "EUR"
CODECS = ("PCMA", "PCMU")
KNOWN_CODECS = frozenset({"PCMA", "PCMU", "OPUS"})
HEALTH_FRESH = timedelta(seconds=90)
"""A gateway nobody has looked at for this long is UNKNOWN: nodes look every half minute."""

_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?"
)
_USER = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/%]{1,128}")  # RFC 3261 25.1: user
_FORMAT = re.compile(r"\+?[0-9*#]{0,16}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MAX_PRICE = Decimal(100_000_000)
"""A minute to a satellite costs tens of millions of some currencies."""
_INSIDE = "is inside a private network: use a public address, or ask the operator to allow it"


class TrunkNotFound(NotFound):
    """No such trunk, or another tenant's."""

    reason = "TRUNK_NOT_FOUND"


class TrunkInUse(FailedPrecondition):
    """Calls are on the trunk."""

    reason = "TRUNK_IN_USE"


class TrunkHasNumbers(FailedPrecondition):
    """Numbers the company brought are bound to the trunk."""

    reason = "TRUNK_HAS_NUMBERS"


class TooManyTrunks(FailedPrecondition):
    """The company has as many trunks as one can have."""

    reason = "TOO_MANY_TRUNKS"


class GatewayForbidden(FailedPrecondition):
    """A gateway leads into a private network that the operator hasn't opened to companies."""

    reason = "GATEWAY_ADDRESS_FORBIDDEN"

    def __init__(self, host: str, addresses: Sequence[str]) -> None:
        shown = ", ".join(addresses[:4])
        super().__init__(
            f"the gateway {host} is inside a private network ({shown}): use its public address, or ask the operator to "
            "allow it by MERKEZ_SIP_PRIVATE_NETWORKS"
        )


class VersionConflict(Conflict):
    """Somebody else was faster."""

    reason = "VERSION_CONFLICT"


class Transport(Enum):
    """What SIP travels on."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"


class Srtp(Enum):
    """Whether media are encrypted by SDES (RFC 4568)."""

    NEVER = "NEVER"
    PREFER = "PREFER"
    REQUIRE = "REQUIRE"


class Digits(Enum):
    """How digits are sent: RFC 4733 or SIP INFO."""

    RTP = "RTP"
    INFO = "INFO"


class CallerHeader(Enum):
    """Which header carries the caller number."""

    ASSERTED_IDENTITY = "ASSERTED_IDENTITY"
    FROM = "FROM"


class HealthState(Enum):
    """Whether something can be used now."""

    UNKNOWN = "UNKNOWN"
    UP = "UP"
    DOWN = "DOWN"


@dataclass(frozen=True)
class Gateway:
    """One of a carrier's addresses. Lower priorities first; weights share among equals (RFC 2782)."""

    gateway_id: str
    host: str
    port: int = PORT
    transport: Transport = Transport.UDP
    priority: int = 0
    weight: int = 1
    ping: bool = True


@dataclass(frozen=True)
class NumberFormat:
    """How a carrier writes numbers: `strip` comes off the front of E.164 where it stands, then `prefix` goes on."""

    strip: str = ""
    prefix: str = ""

    def write(self, number: str) -> str:
        """An E.164 number as the carrier wants it."""
        return self.prefix + number.removeprefix(self.strip)


@dataclass(frozen=True)
class Limits:
    """Limits of a trunk, held across all nodes. `spend` is a day's (UTC), in the trunk's currency."""

    calls: int = CALLS
    calls_per_second: int = CALLS_PER_SECOND
    spend: Decimal | None = None


@dataclass(frozen=True)
class Trunk:
    """One trunk as stored. `tenant_id` is whose it is: a company's, or the platform's for all."""

    trunk_id: str
    tenant_id: str
    display_name: str
    gateways: tuple[Gateway, ...]
    create_time: datetime
    update_time: datetime
    registers: bool = False
    user_name: str = ""
    password: bytes | None = None
    """Sealed."""
    source_networks: tuple[str, ...] = ()
    codecs: tuple[str, ...] = CODECS
    srtp: Srtp = Srtp.NEVER
    digits: Digits = Digits.RTP
    caller_header: CallerHeader = CallerHeader.ASSERTED_IDENTITY
    country: str = ""
    dialed_format: NumberFormat = NumberFormat()
    caller_format: NumberFormat = NumberFormat()
    limits: Limits = Limits()
    currency: str = CURRENCY
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    """Country -> price of a minute in major units; "" is every other country's."""
    priority: int = 0
    enabled: bool = True
    version: int = 1

    @property
    def shared(self) -> bool:
        return self.tenant_id == PLATFORM


_ASSUMED = {Tier.STANDARD: Decimal("0.20"), Tier.ELEVATED: Decimal("1.00"), Tier.HIGH: Decimal("5.00")}
"""What the spend guard takes a minute to cost where a trunk names no price, in units as `five_units` counts them:
rather too much than too little."""


def price_of(trunk: Trunk, country: str, tier: Tier) -> Money:
    """What a minute costs as far as the spend guard is concerned."""
    price = trunk.rates.get(country, trunk.rates.get(""))
    return five_units(trunk.currency) * (_ASSUMED[tier] / 5) if price is None else Money(price, trunk.currency)


def may_deliver(trunk_tenant_id: str, number_tenant_id: str) -> bool:
    """Whether a call to a tenant's number may come in on the trunk: a company's own carrier reaches its own numbers
    alone, the platform's reaches everybody's."""
    return trunk_tenant_id in (PLATFORM, number_tenant_id)


def may_lead_to(shared: bool, address: str, private: Sequence[Network]) -> bool:
    """Whether a trunk's gateway may be at an IP address: of companies a public one, or one in the `private` networks
    the operator has opened to them; the operator's own anywhere but where machines get their credentials."""
    return may_reach(address, _ANYWHERE if shared else private)


_ANYWHERE: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


def require_version(found: int, wanted: int) -> None:
    """VersionConflict unless `wanted` is 0 or what was found."""
    if wanted not in (0, found):
        raise VersionConflict("somebody else changed it first: read it again", metadata={"version": str(found)})


# -- health ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GatewayHealth:
    """How a gateway does, as one node saw it at `check_time`."""

    gateway_id: str
    state: HealthState = HealthState.UNKNOWN
    registration: HealthState = HealthState.UNKNOWN
    status: int = 0
    problem: str = ""
    round_trip: timedelta = timedelta(0)
    check_time: datetime | None = None


def gateway_health(gateway: Gateway, seen: Sequence[GatewayHealth], now: datetime) -> GatewayHealth:
    """What the nodes' sights come to: what one node reaches is UP; the newest sight tells the rest."""
    fresh = [each for each in seen if each.check_time and now - each.check_time <= HEALTH_FRESH]
    if not fresh:
        return GatewayHealth(gateway.gateway_id)
    newest = max(fresh, key=lambda each: (each.state is HealthState.UP, each.check_time))
    registered = [each.registration for each in fresh if each.registration is not HealthState.UNKNOWN]
    registration = (
        HealthState.UP if HealthState.UP in registered else registered[0] if registered else HealthState.UNKNOWN
    )
    return replace(newest, gateway_id=gateway.gateway_id, registration=registration)


def usable(trunk: Trunk, health: GatewayHealth) -> bool:
    """Whether calls should be tried at the gateway before others."""
    down = health.state is HealthState.DOWN
    return not down and not (trunk.registers and health.registration is HealthState.DOWN)


def trunk_state(trunk: Trunk, healths: Sequence[GatewayHealth]) -> HealthState:
    """UP when a gateway is, DOWN when all are."""
    if not all(usable(trunk, each) for each in healths):
        return HealthState.UP if any(usable(trunk, each) for each in healths) else HealthState.DOWN
    return HealthState.UP if any(each.state is HealthState.UP for each in healths) else HealthState.UNKNOWN


# -- what may be in a trunk -------------------------------------------------------------------------------------


def check_places(shared: bool, gateways: Sequence[Gateway], private: Sequence[Network]) -> None:
    """InvalidInput naming gateways that are given as an address where a trunk may not lead (`may_lead_to`). Names are
    judged each time they are looked up."""
    wrong = [
        FieldViolation(f"trunk.gateways[{index}].host", _INSIDE)
        for index, each in enumerate(gateways)
        if _is_address(each.host) and not may_lead_to(shared, each.host.strip("[]"), private)
    ]
    if wrong:
        raise InvalidInput("; ".join(f"{each.field} {each.description}" for each in wrong), fields=wrong)


def check_trunk(trunk: Trunk) -> Trunk:
    """The trunk with its defaults filled in; InvalidInput naming every field that can't work."""
    wrong: list[FieldViolation] = []

    def refuse(name: str, why: str) -> None:
        wrong.append(FieldViolation(f"trunk.{name}", why))

    name = trunk.display_name.strip()
    if not 0 < len(name) <= MAX_NAME:
        refuse("display_name", f"is required, at most {MAX_NAME} characters")
    if not 0 < len(trunk.gateways) <= MAX_GATEWAYS:
        refuse("gateways", f"takes 1 to {MAX_GATEWAYS}")
    for index, gateway in enumerate(trunk.gateways):
        for part, why in _wrong_gateway(gateway):
            refuse(f"gateways[{index}].{part}", why)
    if len({_address(each) for each in trunk.gateways}) < len(trunk.gateways):
        refuse("gateways", "names an address twice")
    if trunk.user_name and not _USER.fullmatch(trunk.user_name):
        refuse("user_name", "has characters a SIP user name can't have, or more than 128")
    if trunk.registers and not trunk.user_name:
        refuse("user_name", "is required to register")
    for name_of, number_format in (("dialed_format", trunk.dialed_format), ("caller_format", trunk.caller_format)):
        for part, value in (("strip", number_format.strip), ("prefix", number_format.prefix)):
            if not _FORMAT.fullmatch(value):
                refuse(f"{name_of}.{part}", "takes a plus sign and up to 16 of 0-9 * #")
    if trunk.country and trunk.country not in countries():
        refuse("country", "must be a country by ISO 3166, such as AZ")
    if not trunk.codecs or set(trunk.codecs) - KNOWN_CODECS or len(set(trunk.codecs)) < len(trunk.codecs):
        refuse("codecs", "takes PCMA, PCMU and OPUS, each once")
    if not 0 <= trunk.priority <= 100:
        refuse("priority", "must be 0 to 100")
    wrong += [*_wrong_networks(trunk.source_networks), *_wrong_limits(trunk), *_wrong_rates(trunk)]
    if wrong:
        raise InvalidInput("; ".join(f"{each.field} {each.description}" for each in wrong), fields=wrong)
    networks = tuple(str(ipaddress.ip_network(each, strict=False)) for each in trunk.source_networks)
    return replace(trunk, display_name=name, source_networks=networks)


def settle_gateways(wanted: Sequence[Gateway], known: Sequence[Gateway], now: datetime) -> tuple[Gateway, ...]:
    """The gateways with their ids: an address that was there keeps its own, and so what was seen of it."""
    ids = {_address(each): each.gateway_id for each in known}
    filled = [replace(each, port=each.port or default_port(each.transport), weight=each.weight or 1) for each in wanted]
    return tuple(replace(each, gateway_id=ids.get(_address(each)) or new_id("gwy", now)) for each in filled)


def default_port(transport: Transport) -> int:
    """RFC 3261 19.1.2."""
    return TLS_PORT if transport is Transport.TLS else PORT


def _address(gateway: Gateway) -> tuple[str, int, Transport]:
    return gateway.host.lower().rstrip("."), gateway.port, gateway.transport


def _wrong_gateway(gateway: Gateway) -> list[tuple[str, str]]:
    wrong: list[tuple[str, str]] = []
    if not _is_host(gateway.host):
        wrong.append(("host", "must be a host name or an IP address"))
    if not 1 <= gateway.port <= 65535:
        wrong.append(("port", "must be 1 to 65535"))
    if not 0 <= gateway.priority <= 100:
        wrong.append(("priority", "must be 0 to 100"))
    if not 1 <= gateway.weight <= 1000:
        wrong.append(("weight", "must be 1 to 1000"))
    return wrong


def _is_host(host: str) -> bool:
    # What looks like an IPv4 address and is none must not become a name.
    return _is_address(host) or (bool(_HOST.fullmatch(host)) and not re.fullmatch(r"[0-9.]+", host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _wrong_networks(networks: Sequence[str]) -> list[FieldViolation]:
    if len(networks) > MAX_NETWORKS:
        return [FieldViolation("trunk.source_networks", f"has more than {MAX_NETWORKS}")]
    wrong: list[FieldViolation] = []
    for index, each in enumerate(networks):
        try:
            network = ipaddress.ip_network(each, strict=False)
        except ValueError:
            wrong.append(
                FieldViolation(f"trunk.source_networks[{index}]", "is no address or network, such as 192.0.2.0/28")
            )
            continue
        if network.prefixlen < (16 if network.version == 4 else 32):
            wrong.append(
                FieldViolation(f"trunk.source_networks[{index}]", "is too wide: at least /16, or /32 for IPv6")
            )
    return wrong


def _wrong_limits(trunk: Trunk) -> list[FieldViolation]:
    wrong: list[FieldViolation] = []
    if not 1 <= trunk.limits.calls <= MAX_CALLS:
        wrong.append(FieldViolation("trunk.limits.max_concurrent_calls", f"must be 1 to {MAX_CALLS}"))
    if not 1 <= trunk.limits.calls_per_second <= MAX_CALLS_PER_SECOND:
        wrong.append(FieldViolation("trunk.limits.max_calls_per_second", f"must be 1 to {MAX_CALLS_PER_SECOND}"))
    if trunk.limits.spend is not None and trunk.limits.spend < 0:
        wrong.append(FieldViolation("trunk.limits.spend_limit", "must not be negative"))
    return wrong


def _wrong_rates(trunk: Trunk) -> list[FieldViolation]:
    wrong: list[FieldViolation] = []
    if not _CURRENCY.fullmatch(trunk.currency):
        wrong.append(FieldViolation("trunk.currency", "must be a currency by ISO 4217, such as EUR"))
    if len(trunk.rates) > MAX_RATES:
        wrong.append(FieldViolation("trunk.rates", f"has more than {MAX_RATES}"))
    for country, price in trunk.rates.items():
        if country and country not in countries():
            wrong.append(FieldViolation("trunk.rates", f"{country[:8]!r} is no country by ISO 3166"))
        if not 0 <= price <= _MAX_PRICE:
            wrong.append(FieldViolation("trunk.rates", f"must be 0 to {_MAX_PRICE} a minute"))
    return wrong


def amount(text: str, name: str) -> Decimal:
    """An exact amount from its text, at most 6 digits after the point; InvalidInput naming the field."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    exponent = value.as_tuple().exponent
    if not value.is_finite() or not isinstance(exponent, int) or exponent < -6 or abs(value) >= 10**12:
        raise InvalidInput.of(name, "must be a decimal with at most 6 digits after the point, such as 0.0450")
    return value


def five_units(currency: str) -> Money:
    """Five units of a currency as people count in it: of those without small change five hundred, which is about as
    much."""
    return Money(Decimal(5) if minor_digits(currency) else Decimal(500), currency)

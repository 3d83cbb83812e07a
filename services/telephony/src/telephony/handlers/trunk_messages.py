"""Trunks between their messages and the domain."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from chassis.instants import duration_out, time_out
from kernel.errors import InvalidInput
from kernel.money import Money, minor_digits
from merkez.telephony.v1 import trunk_pb2
from merkez.type.v1 import money_pb2

from telephony.domain import trunks
from telephony.domain.trunk_tests import Step
from telephony.domain.trunks import (
    CallerHeader,
    Digits,
    Gateway,
    GatewayHealth,
    Limits,
    NumberFormat,
    Srtp,
    Transport,
    Trunk,
)
from telephony.ops.trunks import TrunkHealth

E = TypeVar("E")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_TRANSPORTS = {
    trunk_pb2.SIP_TRANSPORT_UNSPECIFIED: Transport.UDP,
    trunk_pb2.SIP_TRANSPORT_UDP: Transport.UDP,
    trunk_pb2.SIP_TRANSPORT_TCP: Transport.TCP,
    trunk_pb2.SIP_TRANSPORT_TLS: Transport.TLS,
}
_SRTP = {
    trunk_pb2.SRTP_POLICY_UNSPECIFIED: Srtp.NEVER,
    trunk_pb2.SRTP_POLICY_NEVER: Srtp.NEVER,
    trunk_pb2.SRTP_POLICY_PREFER: Srtp.PREFER,
    trunk_pb2.SRTP_POLICY_REQUIRE: Srtp.REQUIRE,
}
_DIGITS = {
    trunk_pb2.DIGITS_MODE_UNSPECIFIED: Digits.RTP,
    trunk_pb2.DIGITS_MODE_RTP: Digits.RTP,
    trunk_pb2.DIGITS_MODE_INFO: Digits.INFO,
}
_HEADERS = {
    trunk_pb2.CALLER_HEADER_UNSPECIFIED: CallerHeader.ASSERTED_IDENTITY,
    trunk_pb2.CALLER_HEADER_ASSERTED_IDENTITY: CallerHeader.ASSERTED_IDENTITY,
    trunk_pb2.CALLER_HEADER_FROM: CallerHeader.FROM,
}


def trunk_in(message: trunk_pb2.Trunk, currency: str = "") -> Trunk:
    """A trunk as somebody wrote it; `ops` gives it its id and times. `currency` is the one it has and keeps.
    InvalidInput for what is no value at all."""
    currency = currency or message.currency or trunks.CURRENCY
    return Trunk(
        trunk_id="",
        tenant_id="",
        display_name=message.display_name,
        gateways=tuple(_gateway_in(each) for each in message.gateways),
        create_time=_NEVER,
        update_time=_NEVER,
        registers=message.registers,
        user_name=message.user_name,
        source_networks=tuple(each.strip() for each in message.source_networks),
        codecs=tuple(message.codecs) or trunks.CODECS,
        srtp=known(_SRTP, message.srtp, "trunk.srtp"),
        digits=known(_DIGITS, message.digits, "trunk.digits"),
        caller_header=known(_HEADERS, message.caller_header, "trunk.caller_header"),
        country=message.country,
        dialed_format=NumberFormat(message.dialed_format.strip, message.dialed_format.prefix),
        caller_format=NumberFormat(message.caller_format.strip, message.caller_format.prefix),
        limits=_limits_in(message.limits, currency),
        currency=currency,
        rates=_rates_in(message),
        priority=message.priority,
        enabled=message.enabled,
    )


def trunk_out(trunk: Trunk) -> trunk_pb2.Trunk:
    """A trunk as others see it, without its password."""
    limits = trunk_pb2.TrunkLimits(
        max_concurrent_calls=trunk.limits.calls, max_calls_per_second=trunk.limits.calls_per_second
    )
    if trunk.limits.spend is not None:
        limits.spend_limit.CopyFrom(money_out(Money(trunk.limits.spend, trunk.currency)))
    return trunk_pb2.Trunk(
        trunk_id=trunk.trunk_id,
        display_name=trunk.display_name,
        gateways=[_gateway_out(each) for each in trunk.gateways],
        registers=trunk.registers,
        user_name=trunk.user_name,
        has_password=trunk.password is not None,
        source_networks=trunk.source_networks,
        codecs=trunk.codecs,
        srtp=trunk_pb2.SrtpPolicy.Value(f"SRTP_POLICY_{trunk.srtp.value}"),
        digits=trunk_pb2.DigitsMode.Value(f"DIGITS_MODE_{trunk.digits.value}"),
        caller_header=trunk_pb2.CallerHeader.Value(f"CALLER_HEADER_{trunk.caller_header.value}"),
        country=trunk.country,
        dialed_format=trunk_pb2.NumberFormat(**vars(trunk.dialed_format)),
        caller_format=trunk_pb2.NumberFormat(**vars(trunk.caller_format)),
        limits=limits,
        currency=trunk.currency,
        rates=[trunk_pb2.TrunkRate(country=each, price=f"{price:f}") for each, price in sorted(trunk.rates.items())],
        priority=trunk.priority,
        enabled=trunk.enabled,
        shared=trunk.shared,
        create_time=time_out(trunk.create_time),
        update_time=time_out(trunk.update_time),
        version=trunk.version,
    )


def health_out(trunk: Trunk, health: TrunkHealth, password_lost: bool) -> trunk_pb2.TrunkHealth:
    """How a trunk does."""
    return trunk_pb2.TrunkHealth(
        trunk_id=trunk.trunk_id,
        state=trunk_pb2.HealthState.Value(f"HEALTH_STATE_{health.state.value}"),
        gateways=[_gateway_health_out(each) for each in health.gateways],
        concurrent_calls=health.concurrent_calls,
        spent_today=money_out(health.spent_today),
        password_lost=password_lost,
    )


def step_out(step: Step) -> trunk_pb2.TrunkTestStep:
    """A step of a test."""
    gateway = step.gateway
    return trunk_pb2.TrunkTestStep(
        kind=trunk_pb2.TrunkTestKind.Value(f"TRUNK_TEST_KIND_{step.kind.value}"),
        gateway_id=gateway.gateway_id if gateway else "",
        gateway=f"{gateway.host}:{gateway.port}" if gateway else "",
        result=trunk_pb2.TrunkTestResult.Value(f"TRUNK_TEST_RESULT_{step.result.value}"),
        finding=step.finding,
        status=step.status,
        round_trip=duration_out(step.round_trip) if step.round_trip is not None else None,
        details=step.details,
        expire_time=time_out(step.expire_time),
    )


def money_in(message: money_pb2.Money, currency: str, name: str) -> Money:
    """An amount, of this currency when it names none. InvalidInput."""
    try:
        return Money(trunks.amount(message.amount, f"{name}.amount"), message.currency or currency)
    except ValueError as error:
        raise InvalidInput.of(f"{name}.currency", "must be a currency by ISO 4217, such as EUR") from error


def money_out(money: Money) -> money_pb2.Money:
    """An amount, to the minor unit or finer where it is."""
    exponent = money.amount.normalize().as_tuple().exponent
    digits = max(minor_digits(money.currency), -exponent if isinstance(exponent, int) else 0)
    return money_pb2.Money(currency=money.currency, amount=f"{money.amount:.{digits}f}")


def known(values: dict[Any, E], value: int, name: str) -> E:
    """The domain's value for an enum's; InvalidInput naming the field."""
    if value not in values:
        raise InvalidInput.of(name, "is not one of its values")
    return values[value]


def transport_out(transport: Transport) -> trunk_pb2.SipTransport.ValueType:
    """What SIP travels on."""
    return trunk_pb2.SipTransport.Value(f"SIP_TRANSPORT_{transport.value}")


def _gateway_in(message: trunk_pb2.Gateway) -> Gateway:
    transport = known(_TRANSPORTS, message.transport, "trunk.gateways.transport")
    return Gateway(
        "", message.host.strip(), message.port, transport, message.priority, message.weight, message.ping
    )  # fmt: skip


def _gateway_out(gateway: Gateway) -> trunk_pb2.Gateway:
    return trunk_pb2.Gateway(
        gateway_id=gateway.gateway_id,
        host=gateway.host,
        port=gateway.port,
        transport=transport_out(gateway.transport),
        priority=gateway.priority,
        weight=gateway.weight,
        ping=gateway.ping,
    )


def _gateway_health_out(health: GatewayHealth) -> trunk_pb2.GatewayHealth:
    return trunk_pb2.GatewayHealth(
        gateway_id=health.gateway_id,
        state=trunk_pb2.HealthState.Value(f"HEALTH_STATE_{health.state.value}"),
        registration=trunk_pb2.HealthState.Value(f"HEALTH_STATE_{health.registration.value}"),
        status=health.status,
        problem=health.problem,
        round_trip=duration_out(health.round_trip),
        check_time=time_out(health.check_time),
    )


def _limits_in(message: trunk_pb2.TrunkLimits, currency: str) -> Limits:
    spend: Decimal | None = None
    if message.HasField("spend_limit"):
        limit = money_in(message.spend_limit, currency, "trunk.limits.spend_limit")
        if limit.currency != currency:
            raise InvalidInput.of("trunk.limits.spend_limit.currency", "must be the trunk's currency")
        spend = limit.amount
    return Limits(
        message.max_concurrent_calls or trunks.CALLS, message.max_calls_per_second or trunks.CALLS_PER_SECOND, spend
    )


def _rates_in(message: trunk_pb2.Trunk) -> dict[str, Decimal]:
    rates: dict[str, Decimal] = {}
    for index, each in enumerate(message.rates[: trunks.MAX_RATES + 1]):
        if each.country in rates:
            raise InvalidInput.of(f"trunk.rates[{index}].country", "is named twice")
        rates[each.country] = trunks.amount(each.price, f"trunk.rates[{index}].price")
    return rates

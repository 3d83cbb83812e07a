"""Trunks, numbers and lines as tests want them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from kernel.ids import new_id
from kernel.money import Money
from telephony.domain.countries import CountryRules, Tier
from telephony.domain.dialing import CallerNumbers, Dialer
from telephony.domain.lines import Line, OutboundSettings
from telephony.domain.trunks import Gateway, Trunk

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
TENANT, OTHER = "ten_01jd3v9k8r5x7m2p4q6s8t0w1y", "ten_01jd3v9k8r5x7m2p4q6s8t0w2y"
BAKU, ISTANBUL = "+994125551234", "+902125551234"


def a_gateway(host: str = "sip.carrier.example", **more: Any) -> Gateway:
    return Gateway(gateway_id=f"gwy_{host}", host=host, **more)


def a_trunk(name: str = "a", *, tenant_id: str = TENANT, **more: Any) -> Trunk:
    defaults = {"gateways": (a_gateway(f"{name}.carrier.example"),), "rates": {"": Decimal("0.60")}}
    return Trunk(f"trk_{name}", tenant_id, name, create_time=NOW, update_time=NOW, **{**defaults, **more})


def a_dialer(**more: Any) -> Dialer:
    defaults: dict[str, Any] = {
        "numbers": CallerNumbers(frozenset({BAKU}), BAKU),
        "rules": CountryRules({}),
        "settings": OutboundSettings(spend=Money(Decimal(1000), "EUR"), risky=Money(Decimal(1000), "EUR")),
    }
    return Dialer(TENANT, **{**defaults, **more})


def a_line(trunk_id: str = "trk_a", *, now: datetime = NOW, price: str = "0.60", **more: Any) -> Line:
    defaults: dict[str, Any] = {
        "line_id": new_id("lin", now), "tenant_id": TENANT, "caller_tenant_id": TENANT, "trunk_id": trunk_id,
        "gateway_id": "gwy_a", "call_id": new_id("call", now), "node_id": "node-a", "inbound": False, "country": "TR",
        "tier": Tier.STANDARD, "price": Money(Decimal(price), "EUR"), "take_time": now,
    }  # fmt: skip
    return Line(**{**defaults, **more})

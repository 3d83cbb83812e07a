"""OutboundService."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.auth import principal
from chassis.instants import time_out
from chassis.sql import Database
from kernel.errors import InvalidInput
from kernel.money import Money
from merkez.telephony.v1 import trunk_pb2, trunk_service_pb2, trunk_service_pb2_grpc

from telephony.domain import lines
from telephony.domain.countries import Choice, CountryRules, countries, require_country
from telephony.domain.lines import OutboundSettings
from telephony.domain.trunks import CURRENCY
from telephony.handlers.masks import masked
from telephony.handlers.trunk_messages import known, money_in, money_out
from telephony.ops import outbound as ops

MAX_RULES = 300
_CHANGEABLE = ("spend_limit", "risky_spend_limit", "max_calls_per_second")
_DOMAIN_NAME = {"spend_limit": "spend", "risky_spend_limit": "risky", "max_calls_per_second": "calls_per_second"}
_CHOICES = {
    trunk_pb2.COUNTRY_CHOICE_BY_TIER: Choice.BY_TIER,
    trunk_pb2.COUNTRY_CHOICE_ALLOWED: Choice.ALLOWED,
    trunk_pb2.COUNTRY_CHOICE_BLOCKED: Choice.BLOCKED,
}


class OutboundHandlers(trunk_service_pb2_grpc.OutboundServiceServicer):
    """OutboundService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListCountryRules(
        self, request: trunk_service_pb2.ListCountryRulesRequest, context: Any
    ) -> trunk_service_pb2.ListCountryRulesResponse:
        rules = await self._db.run(principal().tenant_id, ops.country_rules, read_only=True)
        return trunk_service_pb2.ListCountryRulesResponse(rules=_rules_out(rules))

    async def UpdateCountryRules(
        self, request: trunk_service_pb2.UpdateCountryRulesRequest, context: Any
    ) -> trunk_service_pb2.UpdateCountryRulesResponse:
        choices, now = _choices_in(request.rules), self._db.clock.now()
        rules = await self._db.run(principal().tenant_id, lambda tx: ops.choose_countries(tx, choices, now))
        return trunk_service_pb2.UpdateCountryRulesResponse(rules=_rules_out(rules))

    async def GetOutboundSettings(
        self, request: trunk_service_pb2.GetOutboundSettingsRequest, context: Any
    ) -> trunk_pb2.OutboundSettings:
        return await self._out(await self._db.run(principal().tenant_id, ops.settings, read_only=True))

    async def UpdateOutboundSettings(
        self, request: trunk_service_pb2.UpdateOutboundSettingsRequest, context: Any
    ) -> trunk_pb2.OutboundSettings:
        fields, draft = masked(request.update_mask, request.settings, _CHANGEABLE), _settings_in(request.settings)
        changes = {_DOMAIN_NAME[name]: getattr(draft, _DOMAIN_NAME[name]) for name in fields}
        now = self._db.clock.now()
        return await self._out(
            await self._db.run(principal().tenant_id, lambda tx: ops.update_settings(tx, changes, request.version, now))
        )

    async def _out(self, settings: OutboundSettings) -> trunk_pb2.OutboundSettings:
        now, tenant_id = self._db.clock.now(), principal().tenant_id
        load = await self._db.system(lambda tx: ops.load_of_caller(tx, tenant_id, now), read_only=True)
        return _settings_out(settings, load, now)


def _choices_in(rules: Sequence[trunk_pb2.CountryRule]) -> dict[str, Choice]:
    if not 0 < len(rules) <= MAX_RULES:
        raise InvalidInput.of("rules", f"takes 1 to {MAX_RULES}")
    choices: dict[str, Choice] = {}
    for index, each in enumerate(rules):
        country = require_country(each.country, f"rules[{index}].country")
        if country in choices:
            raise InvalidInput.of(f"rules[{index}].country", "is named twice")
        choices[country] = known(_CHOICES, each.choice, f"rules[{index}].choice")
    return choices


def _rules_out(rules: CountryRules) -> list[trunk_pb2.CountryRule]:
    return [
        trunk_pb2.CountryRule(
            country=each.country,
            calling_codes=each.calling_codes,
            tier=trunk_pb2.CountryTier.Value(f"COUNTRY_TIER_{each.tier.value}"),
            choice=trunk_pb2.CountryChoice.Value(f"COUNTRY_CHOICE_{rules.choice(each.country).value}"),
            allowed=rules.allow(each.country, each.tier),
        )
        for each in countries().values()
    ]


def _settings_in(message: trunk_pb2.OutboundSettings) -> OutboundSettings:
    def limit(name: str) -> Money | None:
        if not message.HasField(name):  # pyright: ignore[reportArgumentType]
            return None
        return money_in(getattr(message, name), CURRENCY, f"settings.{name}")

    most = message.max_calls_per_second or lines.CALLS_PER_SECOND
    return OutboundSettings(limit("spend_limit"), limit("risky_spend_limit"), most)


def _settings_out(settings: OutboundSettings, load: lines.Load, now: datetime) -> trunk_pb2.OutboundSettings:
    currencies = {*(load.spent or {}), *(line.price.currency for line in load.lines)}
    return trunk_pb2.OutboundSettings(
        spend_limit=money_out(settings.spend) if settings.spend else None,
        risky_spend_limit=money_out(settings.risky) if settings.risky else None,
        max_calls_per_second=settings.calls_per_second,
        spent_today=[money_out(Money(load.total(each, now, sure=True), each)) for each in sorted(currencies)],
        update_time=time_out(settings.update_time),
        version=settings.version,
    )

"""A tenant's choices of countries and its limits for calls out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from chassis.sql import Tx
from kernel.money import Money
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql

from telephony.domain.countries import Choice, CountryRules
from telephony.domain.lines import OutboundSettings
from telephony.domain.trunks import VersionConflict
from telephony.store.trunk_tables import country_choices, outbound_settings


async def rules_of(tx: Tx, tenant_id: str) -> CountryRules:
    """What a tenant chose."""
    rows = await tx.all(select(country_choices).where(country_choices.c.tenant_id == tenant_id))
    return CountryRules({row["country"]: Choice(row["choice"]) for row in rows})


async def choose(tx: Tx, choices: Mapping[str, Choice], now: datetime) -> None:
    """Choices of these countries, over those there were."""
    back = [country for country, choice in choices.items() if choice is Choice.BY_TIER]
    mine = country_choices.c.tenant_id == tx.tenant_id
    await tx.execute(delete(country_choices).where(mine, country_choices.c.country.in_(back)))
    for country, choice in choices.items():
        if choice is not Choice.BY_TIER:
            said = {"choice": choice.value, "update_time": now}
            statement = postgresql.insert(country_choices).values(tenant_id=tx.tenant_id, country=country, **said)
            await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "country"], set_=said))


async def settings_of(tx: Tx, tenant_id: str) -> OutboundSettings:
    """A tenant's limits; the defaults while it set none."""
    row = await tx.one_or_none(select(outbound_settings).where(outbound_settings.c.tenant_id == tenant_id))
    if row is None:
        return OutboundSettings()
    spend, risky = row["spend_limit"], row["risky_limit"]
    return OutboundSettings(
        spend=None if spend is None else Money(spend, row["spend_currency"]),
        risky=None if risky is None else Money(risky, row["risky_currency"]),
        calls_per_second=row["max_calls_per_second"],
        update_time=row["update_time"],
        version=row["version"],
    )


async def put_settings(tx: Tx, settings: OutboundSettings, was: int) -> None:
    """Over version `was` (0: none was set); VersionConflict when that is no longer there."""
    row = {
        "spend_currency": settings.spend.currency if settings.spend else "",
        "spend_limit": settings.spend.amount if settings.spend else None,
        "risky_currency": settings.risky.currency if settings.risky else "",
        "risky_limit": settings.risky.amount if settings.risky else None,
        "max_calls_per_second": settings.calls_per_second,
        "update_time": settings.update_time,
        "version": settings.version,
    }
    statement = postgresql.insert(outbound_settings).values(tenant_id=tx.tenant_id, **row)
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id"], set_=row, where=outbound_settings.c.version == was
    )
    if (await tx.execute(statement)).rowcount != 1:
        raise VersionConflict("somebody else changed them first")

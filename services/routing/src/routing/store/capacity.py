"""A tenant's rules of how much agents handle at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from routing.domain.capacity import USUAL_RULES, CapacityRules, ChannelRule
from routing.domain.contacts import Channel
from routing.store.rows import Transaction, add, change
from routing.store.tables import capacity_rules as _rules


async def find_rules(tx: Transaction) -> CapacityRules:
    """Those the tenant set, or the usual ones."""
    row = await tx.one_or_none(select(_rules).where(_rules.c.tenant_id == tx.tenant_id))
    if row is None:
        return USUAL_RULES
    channels = {
        Channel(name): ChannelRule(capacity, weight, frozenset(map(Channel, interrupts)))
        for name, (capacity, weight, interrupts) in row["channels"].items()
    }
    return CapacityRules({**USUAL_RULES.channels, **channels}, row["version"])


async def put_rules(tx: Transaction, rules: CapacityRules, was: int, now: datetime) -> None:
    """Over version `was`, 0 for none."""
    channels = {
        name.value: [rule.capacity, rule.weight, sorted(rule.interrupts)] for name, rule in rules.channels.items()
    }
    row = {"tenant_id": tx.tenant_id, "channels": channels, "update_time": now, "version": rules.version}
    if was:
        await change(tx, _rules, "tenant_id", row, was)
    else:
        del row["tenant_id"]
        await add(tx, _rules, row)

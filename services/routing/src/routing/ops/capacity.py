"""Looking after how much agents handle at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from routing.domain.capacity import DEFAULT_RULES, CapacityRules, ChannelRule, check_rules
from routing.domain.contacts import Channel
from routing.domain.facts import CapacityChanged
from routing.ledger import Ledger
from routing.ops.queues import require_version
from routing.store import capacity as store


async def get_rules(tx: Ledger) -> CapacityRules:
    """The tenant's rules, of every channel."""
    return await store.find_rules(tx)


async def set_rules(tx: Ledger, channels: Mapping[Channel, ChannelRule], version: int, now: datetime) -> CapacityRules:
    """Set them; channels left out go by the usual rules. InvalidInput, VersionConflict."""
    before = await store.find_rules(tx)
    require_version(before.version, version)
    rules = check_rules(CapacityRules({**DEFAULT_RULES, **channels}, before.version + 1))
    await store.put_rules(tx, rules, before.version, now)
    tx.tell(CapacityChanged(rules))
    return rules

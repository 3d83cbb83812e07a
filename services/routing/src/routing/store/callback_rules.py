"""A queue's rules for callbacks as they lie in its row: empty when they are the usual ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.domain.callback_rules import USUAL_CALLBACKS, CallbackRules, CallOrder, OnMachine
from routing.store.rows import duration, milliseconds


def callback_rules_to_json(rules: CallbackRules) -> dict[str, Any]:
    """For the callbacks column."""
    if rules == USUAL_CALLBACKS:
        return {}
    return {
        "offer_over_ms": milliseconds(rules.offer_over),
        "attempts": rules.attempts,
        "retry_after_ms": milliseconds(rules.retry_after),
        "time_to_live_ms": milliseconds(rules.time_to_live),
        "on_machine": rules.on_machine.value,
        "message_prompt_id": rules.message_prompt_id,
        "business_hours_id": rules.business_hours_id,
        "order": rules.order.value,
        "ring_timeout_ms": milliseconds(rules.ring_timeout),
        "greeting_prompt_id": rules.greeting_prompt_id,
    }


def callback_rules_from_json(value: Mapping[str, Any]) -> CallbackRules:
    """From the callbacks column; what queues of before don't say is as usual."""
    if not value:
        return USUAL_CALLBACKS
    ring = value.get("ring_timeout_ms")
    return CallbackRules(
        duration(value["offer_over_ms"]),
        value["attempts"],
        duration(value["retry_after_ms"]),
        duration(value["time_to_live_ms"]),
        OnMachine(value["on_machine"]),
        value["message_prompt_id"],
        value["business_hours_id"],
        CallOrder(value.get("order", USUAL_CALLBACKS.order)),
        USUAL_CALLBACKS.ring_timeout if ring is None else duration(ring),
        value.get("greeting_prompt_id", ""),
    )

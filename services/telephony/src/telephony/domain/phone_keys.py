"""What an agent's desk phone names as the target of a transfer or a second call. Pure."""

from __future__ import annotations

from kernel.ids import is_id

from telephony.domain.dialing import NumberInvalid
from telephony.domain.wishes import MAX_NUMBER

PARK = "*68"
"""Dialled as a transfer's target it parks the customer."""
_IDS = {"usr": "agent", "que": "queue", "flw": "flow"}


def read_target(dialed: str) -> tuple[str, str]:
    """(kind, value) of what a phone dials for somebody else: the id of an agent, a queue or a flow, kept under one of
    its keys; `park`; a number as it is dialled. NumberInvalid.

    Kinds are those of a transfer at the desk: agent, queue, flow, number, and park.
    """
    text = dialed.strip()
    kind = _IDS.get(text[:3].lower(), "")
    if kind and is_id(text[:3].lower(), text.lower()):
        return kind, text.lower()
    if text == PARK:
        return "park", ""
    if not text or len(text) > MAX_NUMBER:
        raise NumberInvalid.of("number", f"is required, at most {MAX_NUMBER} characters")
    return "number", text

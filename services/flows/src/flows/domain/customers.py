"""The step that looks the caller up among the tenant's customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FIELDS = ("customer_id", "display_name", "number", "email", "last_agent_id")
"""What is known of every customer, beside the attributes of their own: the number and the e-mail that come first, and
the agent they talked with last."""


@dataclass(frozen=True)
class FindCustomer:
    """Looks for one customer, by a number or by an attribute of theirs, and keeps what is known of them.

    `by` is number, email or attribute; then `attribute` names it. `extract` is the flow's attribute by the customer's.
    """

    by: str = ""
    attribute: str = ""
    value: str = ""
    extract: Mapping[str, str] = field(default_factory=dict)
    next: str = ""
    not_found: str = ""
    several: str = ""
    failed: str = ""

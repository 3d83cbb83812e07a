"""Prefixed, time-sortable identifiers: `que_01jd3v9k8r5x7m2p4q6s8t0w1y`.

The prefix says what it names, then 26 lowercase Crockford base32 characters: 48 bits of Unix milliseconds and
80 random bits (the ULID layout). Within one prefix the text order is the order of creation to the millisecond.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta

from kernel.errors import InvalidInput

PREFIXES: dict[str, str] = {
    "ten": "tenant", "brd": "client brand", "usr": "user (an agent's id too)", "ses": "session", "ivt": "invitation",
    "key": "API key", "num": "number",
    "ead": "emergency address", "prt": "port order", "pdc": "document of a port order", "pev": "port event",
    "pou": "port-out", "nhs": "history entry of a number", "pln": "plan version", "aud": "audit entry", "ntc": "notice",
    "call": "call", "leg": "leg", "mom": "moment of a call", "stn": "station", "cdr": "call detail record",
    "trk": "trunk", "gwy": "gateway", "lin": "line of a trunk", "dev": "desk phone",
    "flw": "flow", "rel": "flow release", "tst": "flow test", "run": "flow run", "prm": "prompt",
    "nls": "number list", "sva": "answer of a survey",
    "que": "queue", "skl": "skill", "agt": "agent", "con": "contact", "ofr": "offer", "dsp": "disposition",
    "nrr": "reason of NOT_READY", "hao": "add-on held",
    "hrs": "business hours", "rec": "recording", "cbk": "callback", "cus": "customer", "his": "history entry",
    "eml": "e-mail", "usg": "usage record", "cpn": "coupon", "txr": "tax rate",
    "sub": "subscription", "ivc": "invoice",
    "cnt": "credit note", "pay": "payment", "lge": "legal entity",
    "prl": "price list", "cbl": "bill to a client", "bal": "balance entry",
    "lbr": "labour rules", "spt": "shift pattern", "ctr": "contract of agents", "tof": "time off", "sch": "schedule",
    "tok": "kind of time off", "toa": "time-off allowance", "tor": "time-off request", "trd": "shift trade",
    "bdr": "bid round", "ano": "notice of an agent",
    "aex": "adherence exception", "adj": "adjustment of a day", "scn": "scenario", "sof": "shift offer",
    "skp": "skill plan", "sit": "site",
    "spd": "special day", "fcr": "forecast run", "fov": "forecast override",
    "rdk": "rate deck", "grt": "grant of a wallet", "atu": "automatic top-up",
    "jrn": "ledger entry", "evt": "event", "req": "request",
}  # fmt: skip
"""Every prefix in use and what it names. Services may add a line."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PATTERN = re.compile(r"([a-z]{2,8})_([0-7][0-9abcdefghjkmnpqrstvwxyz]{25})")
_REGION = re.compile(r"[a-z][a-z0-9-]{0,30}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def new_id(prefix: str, now: datetime) -> str:
    """A fresh id for `prefix`, sortable by `now` (aware)."""
    if prefix not in PREFIXES:
        raise ValueError(f"unknown id prefix {prefix!r}: add it to kernel.ids.PREFIXES")
    milliseconds = (now - _EPOCH) // _MILLISECOND
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError("the time of an id must be between 1970 and the year 10889")
    value = milliseconds << 80 | secrets.randbits(80)
    return f"{prefix}_" + "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


def new_tenant_id(now: datetime, region: str = "") -> str:
    """A fresh id of a tenant, which says where it is at home: `ten_01jd3v9k8r5x7m2p4q6s8t0w1y_eu-west`.

    Every row has it, so the database knows from the row alone where it belongs. Without a region it is as any id: of an
    installation that has only one.
    """
    made = new_id("ten", now)
    if not region:
        return made
    if not is_region(region):
        raise ValueError(f"{region!r} is not the name of a region")
    return f"{made}_{region}"


def is_region(name: str) -> bool:
    """Whether `name` may name a region: lowercase letters, digits and hyphens, a letter first, 31 at most."""
    return _REGION.fullmatch(name) is not None


def home_region(tenant_id: str) -> str:
    """Where a tenant is at home; empty when its id doesn't say."""
    return tenant_id[31:] if tenant_id[30:31] == "_" else ""


def is_id(prefix: str, value: str) -> bool:
    """Whether `value` is well formed and of this prefix."""
    if prefix == "ten" and is_region(home_region(value)):
        value = value[:30]
    match = _PATTERN.fullmatch(value)
    return match is not None and match[1] == prefix


def require_id(prefix: str, value: str, field: str) -> str:
    """`value` when well formed, else InvalidInput naming the proto `field`. Never echoes the value."""
    if is_id(prefix, value):
        return value
    wrong = "is required" if not value else f"is not the id of a {PREFIXES.get(prefix, prefix)} ({prefix}_...)"
    raise InvalidInput.of(field, wrong)


def require_request_id(value: str) -> str:
    """`value` when it has 1 to 128 characters, else InvalidInput: what a client calls one request."""
    if not 1 <= len(value) <= 128:
        raise InvalidInput.of("request_id", "is required, up to 128 characters")
    return value


def time_of(value: str) -> datetime:
    """When the id was made, to the millisecond (UTC)."""
    match = _PATTERN.fullmatch(value)
    if match is None:
        raise ValueError("not an id")
    number = 0
    for character in match[2]:
        number = number << 5 | _ALPHABET.index(character)
    return _EPOCH + timedelta(milliseconds=number >> 80)

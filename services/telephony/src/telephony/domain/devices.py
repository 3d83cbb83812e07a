"""Desk phones: an agent's SIP telephone, what it signs in with, and where it can be reached.

Only digests of the secret are kept (HA1 of RFC 7616 3.4.2), one for each algorithm the phone may answer with. Bindings
follow RFC 3261 10.3.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kernel.errors import FailedPrecondition, InvalidInput, NotFound

from telephony.domain.trunks import Transport

REALM = "merkez"
"""The digest's realm. It is in every HA1: another one would make every phone's secret useless."""
MAX_NAME = 120
MAX_BINDINGS = 5
MAX_CONTACT = 500
MAX_PATH = 2000
EXPIRES = timedelta(seconds=3600)
MIN_EXPIRES = timedelta(seconds=60)
MAX_EXPIRES = timedelta(seconds=3600)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_NAME_LENGTH = 10


class DeviceNotFound(NotFound):
    """No such desk phone, or another tenant's."""

    reason = "DEVICE_NOT_FOUND"


class DeviceWithoutBrand(FailedPrecondition):
    """It dials, the company has several brands, and nobody said in whose name."""

    reason = "DEVICE_WITHOUT_BRAND"


class RegistrationOutOfOrder(FailedPrecondition):
    """An older request of the same phone came after a newer one (RFC 3261 10.3 7)."""

    reason = "REGISTRATION_OUT_OF_ORDER"


class RegistrationTooBrief(FailedPrecondition):
    """423: the phone must ask for longer (RFC 3261 10.3 7). `metadata["min_expires"]` says how long in seconds."""

    reason = "REGISTRATION_TOO_BRIEF"


class TooManyBindings(FailedPrecondition):
    """A request names more places than a phone may be reached at."""

    reason = "TOO_MANY_BINDINGS"


class RegistrationInvalid(InvalidInput):
    """400: the request can't be meant (RFC 3261 10.3 6)."""

    reason = "REGISTRATION_INVALID"


@dataclass(frozen=True)
class Device:
    """One desk phone as stored. `ha1_*` are digests of user name, realm and secret; `brand_id` is in whose name it
    calls out, empty for the company's only brand."""

    device_id: str
    agent_id: str
    display_name: str
    user_name: str
    ha1_sha256: str
    ha1_md5: str
    create_time: datetime
    update_time: datetime
    enabled: bool = True
    version: int = 1
    brand_id: str = ""


@dataclass(frozen=True)
class Binding:
    """Where a phone can be reached until `expire_time`. `node_id` holds its connection; `register_time` is when the
    phone said so last."""

    contact: str
    expire_time: datetime
    source: str
    transport: Transport
    node_id: str
    call_id: str
    cseq: int
    register_time: datetime
    user_agent: str = ""
    path: tuple[str, ...] = ()
    """Routes to begin calls to it with (RFC 3327), where it came through an edge."""
    silent_invites: int = 0
    """In a row, without a word from there."""
    silent_since: datetime | None = None
    unreachable: bool = False
    """Silent for too long: not rung until it is heard of."""


@dataclass(frozen=True)
class Patience:
    """So many silent INVITEs in a row, the first of them so long ago, make a phone unreachable: fewer may be a phone
    that loses packets, sooner a network that is away for a moment."""

    invites: int
    time: timedelta


@dataclass(frozen=True)
class Contact:
    """A Contact of a REGISTER; `expires` is its own, in seconds, when it has one."""

    uri: str
    expires: int | None = None


@dataclass(frozen=True)
class Register:
    """What a REGISTER asks for. Without contacts it only asks what is known; `everything` is `Contact: *`."""

    call_id: str
    cseq: int
    contacts: Sequence[Contact] = ()
    everything: bool = False
    expires: int | None = None
    source: str = ""
    transport: Transport = Transport.UDP
    node_id: str = ""
    user_agent: str = ""
    path: tuple[str, ...] = ()


def new_user_name() -> str:
    """Ten characters that can be typed on a telephone and can't be guessed (50 bits)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_NAME_LENGTH))


def is_user_name(text: str) -> bool:
    """Whether a phone may sign in by this name. A telephone number may look the same."""
    return len(text) == _NAME_LENGTH and set(text) <= set(_ALPHABET)


def new_secret() -> str:
    """100 random bits, typed once."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(20))


def digests(user_name: str, secret: str) -> tuple[str, str]:
    """HA1 by SHA-256 and by MD5, lower-case hexadecimal (RFC 7616 3.4.2)."""
    text = f"{user_name}:{REALM}:{secret}".encode()
    return hashlib.sha256(text).hexdigest(), hashlib.md5(text, usedforsecurity=False).hexdigest()


def check_name(value: str) -> str:
    """A display name without blanks around it."""
    name = value.strip()
    if not 0 < len(name) <= MAX_NAME:
        raise InvalidInput.of("device.display_name", f"is required, at most {MAX_NAME} characters")
    return name


def living(bindings: Sequence[Binding], now: datetime) -> tuple[Binding, ...]:
    """Bindings that still count, that first of which was heard last: how long a phone asked for tells nothing of
    whether it is there still."""
    alive = [each for each in bindings if each.expire_time > now]
    return tuple(sorted(alive, key=lambda each: (each.register_time, each.expire_time), reverse=True))


def places(bindings: Sequence[Binding]) -> tuple[Binding, ...]:
    """Where a phone is rung, of its living bindings: each place once, by what was said of it last. A phone that says
    another Contact by the same way is the same phone."""
    found: dict[tuple[str, Transport, tuple[str, ...]], Binding] = {}
    for each in bindings:
        found.setdefault((each.source, each.transport, each.path), each)
    return tuple(found.values())


def silent(binding: Binding, patience: Patience, now: datetime) -> Binding:
    """It was rung once more without a word from there."""
    count, since = binding.silent_invites + 1, binding.silent_since or now
    gone = binding.unreachable or (count >= patience.invites and now - since >= patience.time)
    return replace(binding, silent_invites=count, silent_since=since, unreachable=gone)


def heard(binding: Binding) -> Binding:
    """It has said something."""
    return replace(binding, silent_invites=0, silent_since=None, unreachable=False)


def register(bindings: Sequence[Binding], request: Register, now: datetime) -> tuple[Binding, ...]:
    """The phone's bindings after a REGISTER that was authenticated; all of it or nothing (RFC 3261 10.3 6 to 8).

    RegistrationInvalid, RegistrationOutOfOrder, RegistrationTooBrief, TooManyBindings.
    """
    if sum(map(len, request.path)) > MAX_PATH:
        raise RegistrationInvalid.of("path", f"is longer than {MAX_PATH} characters")
    kept = {_key(each.contact): each for each in living(bindings, now)}
    if request.everything:
        if request.contacts or request.expires != 0:
            raise RegistrationInvalid.of("contact", "may be * only alone and with Expires: 0")
        for each in kept.values():
            _check_order(each, request)
        return ()
    for contact in request.contacts:
        key, length = _key(contact.uri), _length(contact, request)
        if key in kept:
            _check_order(kept[key], request)
        if not length:
            kept.pop(key, None)
            continue
        kept[key] = Binding(
            contact.uri, now + length, request.source, request.transport, request.node_id,
            request.call_id, request.cseq, now, request.user_agent[:200], request.path,
        )  # fmt: skip
    asked = {_key(contact.uri) for contact in request.contacts} & kept.keys()
    if len(asked) > MAX_BINDINGS:
        raise TooManyBindings(
            "the phone asks to be reached at more places than it may", metadata={"limit": str(MAX_BINDINGS)}
        )
    # A phone that starts again, or connects anew, comes from another port and leaves its old place behind.
    others = living([each for key, each in kept.items() if key not in asked], now)[: MAX_BINDINGS - len(asked)]
    return living([*(kept[key] for key in asked), *others], now)


def _check_order(known: Binding, request: Register) -> None:
    if known.call_id == request.call_id and request.cseq <= known.cseq:
        raise RegistrationOutOfOrder("a newer request of this phone was served already")


def _length(contact: Contact, request: Register) -> timedelta:
    if not 0 < len(contact.uri) <= MAX_CONTACT:
        raise RegistrationInvalid.of("contact", f"must be a URI of at most {MAX_CONTACT} characters")
    asked = contact.expires if contact.expires is not None else request.expires
    if asked is None:
        return EXPIRES
    length = timedelta(seconds=max(0, min(asked, int(MAX_EXPIRES.total_seconds()))))
    if timedelta(0) < length < MIN_EXPIRES:
        least = str(int(MIN_EXPIRES.total_seconds()))
        raise RegistrationTooBrief("ask for longer", metadata={"min_expires": least})
    return length


def _key(uri: str) -> str:
    """By which two contacts are the same: scheme and host in any case, the user as written (RFC 3261 19.1.4)."""
    scheme, _, rest = uri.partition(":")
    user, at, host = rest.rpartition("@")
    return f"{scheme.lower()}:{user}{at}{host.lower()}"

"""Digest authentication both ways (RFC 3261 22, RFC 7616, RFC 8760): SHA-256 before MD5, qop auth.

The server keeps no session, only how often each of its nonces was used: a nonce is a time and a keyed hash of it.
Unknown users and wrong passwords take the same steps and end in the same answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from telephony.sip.errors import SipParseError
from telephony.sip.fields import parse_scheme_parameters
from telephony.sip.messages import Request, Response
from telephony.sip.syntax import quote

NONCE_SECONDS = 300
MAX_USER = 256
_NONCES_KEPT = 16_384
_HASHES = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}
OFFERED = ("SHA-256", "MD5")
"""In this order in every challenge (RFC 8760 2.4)."""

Lookup = Callable[[str, str, str], Awaitable[str | None]]
"""(user, realm, algorithm) to the stored HA1 in lower-case hex, None for an unknown user."""


def ha1(user: str, realm: str, password: str, algorithm: str) -> str:
    """What is stored instead of a password: H(user:realm:password), lower-case hex."""
    return _hash(algorithm, f"{user}:{realm}:{password}")


class Verdict(Enum):
    """How an authentication ended."""

    MISSING = "missing"
    """No credentials of ours were shown: a first try, no failure."""
    STALE = "stale"
    """Right credentials, or any, with a nonce too old or used before: to be tried again (RFC 7616 3.3)."""
    WRONG = "wrong"
    RIGHT = "right"


class DigestServer:
    """Challenges and checks. `secret` is this server's alone, for it alone counts what its nonces were used for; `now`
    gives Unix seconds."""

    def __init__(
        self, realm: str, secret: bytes, now: Callable[[], float], algorithms: Sequence[str] = OFFERED
    ) -> None:
        self.realm = realm
        self._algorithms = tuple(algorithms)
        self._secret = secret
        self._now = now
        self._counts: OrderedDict[str, int] = OrderedDict()

    def challenges(self, source: str, *, stale: bool = False) -> list[str]:
        """Values for WWW-Authenticate or Proxy-Authenticate, in the order of our preference.

        The nonce is good for requests from the address `source` only: nobody can fail in another's name.
        """
        nonce = self._nonce(source)
        tail = ", stale=true" if stale else ""
        return [
            f'Digest realm={quote(self.realm)}, nonce="{nonce}", algorithm={algorithm}, qop="auth"{tail}'
            for algorithm in self._algorithms
        ]

    def shown(self, request: Request, field_name: str) -> str | None:
        """The user name that the request's credentials claim; None when it has none of ours."""
        given = self._credentials(request, field_name)
        return None if given is None else given.get("username", "")[:MAX_USER]

    def answers(self, request: Request, field_name: str) -> bool:
        """Whether the request answers a challenge that its sender got: nobody writes that into a forged datagram."""
        given = self._credentials(request, field_name)
        return given is not None and self._fresh(given, request.source.host)

    async def check(self, request: Request, field_name: str, lookup: Lookup) -> tuple[Verdict, str]:
        """The verdict on the request's credentials in `field_name`, and the user when RIGHT."""
        given = self._credentials(request, field_name)
        if given is None:
            return Verdict.MISSING, ""
        source = request.source.host
        user, algorithm = given.get("username", ""), (given.get("algorithm") or "MD5").upper()
        if algorithm not in self._algorithms or len(user) > MAX_USER or given.get("qop", "").lower() != "auth":
            return (Verdict.WRONG if self._fresh(given, source) else Verdict.STALE), ""
        # Who shows a nonce that isn't ours costs no look at the database: anybody can send thousands a second.
        if not self._fresh(given, source):
            return Verdict.STALE, ""
        known = await lookup(user, self.realm, algorithm)
        # An unknown user's answer is compared too, with a secret nobody has, so that both take the same time.
        nobody = _hash(algorithm, f"{user}:{self._secret.hex()}")
        expected = _answer(algorithm, nobody if known is None else known, request.method, given)
        right = hmac.compare_digest(expected.encode(), given.get("response", "").lower().encode("utf-8", "replace"))
        if not self._fresh(given, source):  # used meanwhile
            return Verdict.STALE, ""
        if not right or known is None or not _same_target(given.get("uri", ""), request.uri):
            return Verdict.WRONG, ""
        self._count(given)
        return Verdict.RIGHT, user

    def _credentials(self, request: Request, field_name: str) -> dict[str, str] | None:
        for value in request.headers.lines(field_name)[:8]:
            try:
                scheme, given = parse_scheme_parameters(value)
            except SipParseError:
                continue
            if scheme == "digest" and given.get("realm") == self.realm:
                return given
        return None

    def _nonce(self, source: str) -> str:
        stamp = int(self._now()).to_bytes(6, "big") + secrets.token_bytes(6)
        return base64.urlsafe_b64encode(stamp + self._seal(stamp, source)).decode()

    def _seal(self, stamp: bytes, source: str) -> bytes:
        return hmac.digest(self._secret, stamp + f"{source} {self.realm}".encode(), "sha256")[:18]

    def _fresh(self, given: dict[str, str], source: str) -> bool:
        """Whether the nonce is ours, young, and its count higher than any seen (RFC 7616 3.4, against replay)."""
        nonce = given.get("nonce", "")
        try:
            raw = base64.urlsafe_b64decode(nonce.encode("ascii"))
            count = int(given.get("nc", ""), 16)
        except ValueError:
            return False
        if len(raw) != 30 or not hmac.compare_digest(raw[12:], self._seal(raw[:12], source)):
            return False
        age = self._now() - int.from_bytes(raw[:6], "big")
        return -5 <= age <= NONCE_SECONDS and count > self._counts.get(nonce, 0)

    def _count(self, given: dict[str, str]) -> None:
        self._counts[given["nonce"]] = int(given["nc"], 16)
        self._counts.move_to_end(given["nonce"])
        if len(self._counts) > _NONCES_KEPT:
            self._counts.popitem(last=False)


@dataclass(frozen=True)
class Credentials:
    """What we show a peer who challenges."""

    user: str
    password: str = field(repr=False)
    realm: str = ""
    """Only for this realm; empty for any the peer names."""


class DigestClient:
    """Answers one peer's challenges and remembers the last ones, so that a nonce serves for many requests."""

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials
        self._challenges: dict[str, dict[str, str]] = {}
        self._count = 0

    def challenged(self, response: Response, answered: set[str]) -> bool:
        """Take up a 401 or 407; whether the request is worth sending again, signed.

        `answered` is the request's own: the fields in which a challenge to it was already answered. Being challenged
        there again means that we are refused, unless the peer says that only its nonce was stale.
        """
        origin, place = (
            ("www-authenticate", "authorization")
            if response.status == 401
            else ("proxy-authenticate", "proxy-authorization")
        )
        best: dict[str, str] | None = None
        for value in response.headers.lines(origin)[:8]:
            try:
                scheme, challenge = parse_scheme_parameters(value)
            except SipParseError:
                continue
            if scheme == "digest" and self._usable(challenge) and _rank(challenge) < _rank(best):
                best = challenge
        if best is None or len(answered) > 3:
            return False
        stale = best.get("stale", "").lower() == "true"
        if place in answered and not (stale and f"{place} stale" not in answered):
            return False
        answered.add(f"{place} stale" if stale else place)
        self._challenges[place], self._count = best, 0
        return True

    def sign(self, request: Request) -> None:
        """Put our answers to the known challenges, if there are any, on the request."""
        credentials = self._credentials
        if credentials is None:
            return
        self._count += 1
        for place, challenge in self._challenges.items():
            algorithm = challenge.get("algorithm", "MD5").upper()
            given = {"username": credentials.user, "uri": request.uri}
            given |= {"realm": challenge.get("realm", ""), "nonce": challenge.get("nonce", "")}
            if challenge.get("qop"):
                given |= {"qop": "auth", "nc": f"{self._count:08x}", "cnonce": secrets.token_hex(8)}
            secret = ha1(credentials.user, given["realm"], credentials.password, algorithm)
            given["response"] = _answer(algorithm, secret, request.method, given)
            if "opaque" in challenge:
                given["opaque"] = challenge["opaque"]
            text = ", ".join(
                f"{name}={value if name in ('qop', 'nc') else quote(value)}" for name, value in given.items()
            )
            request.headers.set(place, f"Digest {text}, algorithm={algorithm}")

    def _usable(self, challenge: dict[str, str]) -> bool:
        realm = self._credentials.realm if self._credentials is not None else None
        qop = [part.strip().lower() for part in challenge.get("qop", "auth").split(",")]
        return realm in ("", challenge.get("realm")) and "auth" in qop and bool(challenge.get("nonce"))


def _rank(challenge: dict[str, str] | None) -> int:
    if challenge is None:
        return len(OFFERED)
    algorithm = challenge.get("algorithm", "MD5").upper()
    return OFFERED.index(algorithm) if algorithm in OFFERED else len(OFFERED)


def _hash(algorithm: str, text: str) -> str:
    return _HASHES[algorithm](text.encode("utf-8", "replace")).hexdigest()


def _answer(algorithm: str, secret: str, method: str, given: dict[str, str]) -> str:
    tail = _hash(algorithm, f"{method}:{given.get('uri', '')}")
    if given.get("qop"):
        middle = ":".join((given.get("nonce", ""), given.get("nc", ""), given.get("cnonce", ""), given["qop"]))
    else:
        middle = given.get("nonce", "")
    return _hash(algorithm, f"{secret}:{middle}:{tail}")


def _same_target(uri: str, request_uri: str) -> bool:
    # Phones and proxies on the way rewrite hosts and parameters; who is asked must be the same (22.4 rule 5).
    return uri.partition("@")[0].lower() == request_uri.partition("@")[0].lower() or "@" not in request_uri

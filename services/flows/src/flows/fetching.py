"""Asks a tenant's own system over HTTP, as an HTTP step says, from inside our network without being led into it."""

from __future__ import annotations

import asyncio
import math
import random
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
from chassis.telemetry import log, tracer

from flows.domain import targets
from flows.domain.answers import NOT_JSON, extract
from flows.domain.breakers import Breakers
from flows.domain.effects import Fetch
from flows.domain.packed import Unpacking, UnpackingFailed
from flows.domain.runs import Fetched

MAX_ANSWER_BYTES = 256 * 1024
_BACKOFF_SECONDS = 0.2
_WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}
_TOO_EARLY = {425, 429}
"""A system that says so is up: it is asked less by its own word."""


@dataclass(frozen=True)
class _Failed(Exception):
    outcome: str
    again: bool = False
    up: bool | None = True
    """Whether the other system is there: an answer we have no use for is one all the same. None: it wasn't asked."""


_OUR_FAULT = (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError)
"""What was to be sent is no request: what callers said meets the flow's own texts there, and a header's value may be
none, a text no UTF-8, a host no name. Trying again changes nothing, and the other system has no part in it."""


class Fetcher:
    """Does Fetch effects. Nothing of what is sent or received is logged, and nothing of one request is left for the
    next, which may be another tenant's: no connection, no cookie."""

    def __init__(self, *, allow_loopback: bool = False, monotonic: Callable[[], float] = time.monotonic):
        self._breakers = Breakers()
        self._monotonic = monotonic
        self._allow_loopback = allow_loopback
        self._client = httpx.AsyncClient(
            # A redirect could lead where the flow's own address may not; proxies of the environment as well.
            follow_redirects=False,
            trust_env=False,
            # We connect to addresses, and the pool tells connections apart by address: two hosts behind one
            # would share a connection made with the certificate of the first.
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=0),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={
                "user-agent": "merkez-flows",
                "accept": "application/json",
                "accept-encoding": ", ".join(Unpacking.KNOWN),
            },
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def fetch(self, effect: Fetch, tenant_id: str) -> Fetched:
        """Try, and try again as the step allows; the values extracted, or None with why. A system of this tenant that
        failed again and again is not asked for a while."""
        host = host_of(effect.url)
        wait = self._breakers.wait(tenant_id, host, self._monotonic())
        if wait is not None:
            log.info("a system is left alone", request_id=effect.request_id, seconds=round(wait))
            return Fetched(None, f"not asked: circuit open for {math.ceil(wait)} s")
        try:
            values, outcome, up = await self._tries(effect)
        except BaseException:
            self._breakers.given_up(tenant_id, host)
            raise
        if up is None:
            self._breakers.given_up(tenant_id, host)
        elif up:
            self._breakers.worked(tenant_id, host)
        elif self._breakers.failed(tenant_id, host, self._monotonic()):
            outcome = f"{outcome}, circuit opened"
        if values is None:
            log.info("an http step failed", request_id=effect.request_id, outcome=outcome)
        return Fetched(values, outcome)

    async def _tries(self, effect: Fetch) -> tuple[Mapping[str, str] | None, str, bool | None]:
        """What came: the values, what happened, and whether the system is there; None when it wasn't asked."""
        outcome = ""
        up: bool | None = None
        with tracer.start_as_current_span("flows.fetch") as span:
            for attempt in range(effect.retries + 1):
                if attempt:
                    await asyncio.sleep(_BACKOFF_SECONDS * 2 ** (attempt - 1) * random.uniform(0.8, 1.2))
                try:
                    async with asyncio.timeout(effect.timeout.total_seconds()):
                        values = await self._once(effect)
                    return values, "ok", True
                except TimeoutError:
                    outcome, up = "timeout", False
                except _OUR_FAULT as error:
                    outcome, up = f"not to be sent ({type(error).__name__})", None
                    break
                except UnpackingFailed:
                    outcome, up = "answer not to be read", True
                    break
                except httpx.HTTPError as error:
                    outcome, up = type(error).__name__, False
                except _Failed as error:
                    outcome, up = error.outcome, error.up
                    if not error.again:
                        break
            span.set_attribute("merkez.outcome", outcome)
        return None, outcome, up

    async def _once(self, effect: Fetch) -> Mapping[str, str]:
        request = await self._request(effect)
        response = await self._client.send(request, stream=True)
        try:
            if response.status_code in _WORTH_ANOTHER_TRY:
                raise _Failed(str(response.status_code), again=True, up=response.status_code in _TOO_EARLY)
            if not response.is_success:
                raise _Failed(str(response.status_code))
            body = bytearray()
            # As it came, unpacked by ourselves: httpx unpacks whole pieces, as often over as the other side says.
            unpacking = Unpacking(response.headers.get("content-encoding", ""))
            async for chunk in response.aiter_raw():
                body += unpacking.feed(chunk, MAX_ANSWER_BYTES + 1 - len(body))
                if len(body) > MAX_ANSWER_BYTES:
                    raise _Failed("answer too big")
            unpacking.finish()
        finally:
            await response.aclose()
        values = extract(bytes(body), effect.extract)
        if values is None:
            raise _Failed(NOT_JSON)
        return values

    async def _request(self, effect: Fetch) -> httpx.Request:
        # The address is looked up, judged and then connected to as it is: a name that answers differently the
        # second time (DNS rebinding) never gets a second question.
        try:
            url = httpx.URL(effect.url)
        except httpx.InvalidURL:
            raise _Failed("bad address", up=None) from None
        if targets.url_problem(effect.url, allow_loopback=self._allow_loopback) is not None:
            raise _Failed("forbidden address", up=None)
        address = await self._resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
        headers = httpx.Headers([(name.encode(), value.encode()) for name, value in effect.headers.items()])
        headers["Host"] = url.netloc.decode()
        headers.setdefault("Idempotency-Key", effect.request_id)
        if effect.body:
            headers.setdefault("Content-Type", "application/json")
        return self._client.build_request(
            effect.method,
            url.copy_with(host=address),
            headers=headers,
            content=effect.body.encode() if effect.body else None,
            timeout=effect.timeout.total_seconds(),
            extensions={"sni_hostname": url.host},
        )

    async def _resolve(self, host: str, port: int) -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise _Failed("name not found", again=True, up=False) from None
        addresses = [str(entry[4][0]) for entry in found]
        if not all(targets.address_allowed(each, allow_loopback=self._allow_loopback) for each in addresses):
            raise _Failed("forbidden address", up=None)
        return addresses[0]


def host_of(url: str) -> str:
    """Host and port a request goes to; the text itself when it is no address, which fails before anybody is asked."""
    try:
        return httpx.URL(url).netloc.decode()
    except httpx.InvalidURL:
        return url[:100]

"""Trying a trunk now: every step asks the carrier for real, none changes anything there or here.

Steps run side by side, each bounded, so that all of them end before whoever asked stops waiting.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from chassis.telemetry import log
from kernel.errors import DomainError
from kernel.ids import new_id

from telephony.domain import dialing
from telephony.domain import trunk_tests as rules
from telephony.domain.dialing import Attempt, Wish
from telephony.domain.trunk_tests import Kind, Reply, Result, Step, TooManyTests
from telephony.domain.trunks import Gateway, Transport, Trunk
from telephony.live.house import House
from telephony.live.lines import Lines
from telephony.live.sip.edges import Way
from telephony.live.sip.gateways import registrar_of, uri_of
from telephony.live.sip.outgoing import invite_wish, policy_of
from telephony.live.sip.roster import Roster
from telephony.live.sip.statuses import MEDIA_REFUSED
from telephony.media.rtp_leg import RtpLeg
from telephony.media.sdp import SdpInvalid
from telephony.ops import outbound as ops
from telephony.sip import Failure, OutgoingInvite, Response, SipAgent, SipDialog, SipParseError

_ASK_SECONDS = 4.0
_CALL_SECONDS = 7.0
_MINUTE = 60.0
_REASONS = {10: "CERTIFICATE_EXPIRED", 62: "CERTIFICATE_NAME_WRONG", 64: "CERTIFICATE_NAME_WRONG"}
"""Of OpenSSL's X509_V_ERR_*; every other one is a certificate nobody we know has signed."""


class Pace:
    """Who may test now: one test at a time and a few a minute for each tenant, on this node."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._running: set[str] = set()
        self._begun: dict[str, list[float]] = {}

    @asynccontextmanager
    async def take(self, tenant_id: str) -> AsyncIterator[None]:
        """TooManyTests."""
        now = self._now()
        self._begun = {each: kept for each, at in self._begun.items() if (kept := [t for t in at if now - t < _MINUTE])}
        begun = self._begun.setdefault(tenant_id, [])
        if tenant_id in self._running:
            raise TooManyTests("a test is under way: wait for its end", retry_after=timedelta(seconds=_ASK_SECONDS))
        if len(begun) >= rules.TESTS_A_MINUTE:
            wait = timedelta(seconds=_MINUTE - (now - begun[0]))
            raise TooManyTests("trunks were tested often in this minute", retry_after=wait)
        begun.append(now)
        self._running.add(tenant_id)
        try:
            yield
        finally:
            self._running.discard(tenant_id)


class Trial:
    """Tests trunks. `tls` checks gateways' certificates; None by the system's authorities."""

    def __init__(
        self, house: House, agent: SipAgent, roster: Roster, lines: Lines, tls: ssl.SSLContext | None = None
    ) -> None:
        self._house = house
        self._agent = agent
        self._roster = roster
        self._lines = lines
        self._tls = tls
        self._pace = Pace()

    async def test(self, trunk: Trunk, number: str, caller_number: str) -> Sequence[Step]:
        """Every step and what came of it, in at most 9 s. `number` is rung when there is one. TooManyTests."""
        async with self._pace.take(trunk.tenant_id):
            asked: list[Coroutine[Any, Any, Sequence[Step]]] = [self._gateway(trunk, each) for each in trunk.gateways]
            if trunk.registers:
                asked.append(self._registration(trunk))
            if number:
                asked.append(self._call(trunk, Wish(number, caller_number)))
            found = [step for steps in await asyncio.gather(*asked) for step in steps]
        failed = [step.finding for step in found if step.result is Result.FAILED]
        log.info("trunk tested", trunk_id=trunk.trunk_id, steps=len(found), failed=",".join(failed))
        return found

    # -- a gateway ---------------------------------------------------------------------------------------------

    async def _gateway(self, trunk: Trunk, gateway: Gateway) -> Sequence[Step]:
        found = await self._roster.reach.look_up(trunk, gateway.host, anew=True)
        name = rules.of_name(gateway, found.allowed, found.forbidden)
        steps = [name]
        if name.result is not Result.FAILED:
            try:
                way = await self._roster.reach.way_to(trunk, gateway)
            except DomainError:
                # It has an address, of an IP version that SIP isn't spoken over here.
                steps.append(Step(Kind.OPTIONS, Result.FAILED, "UNREACHABLE"))
            else:
                both = await asyncio.gather(self._certificate(gateway, way), self._options(trunk, gateway, way))
                steps += [step for each in both for step in each]
        return [step.of(gateway) for step in steps]

    async def _certificate(self, gateway: Gateway, way: Way) -> Sequence[Step]:
        if gateway.transport is not Transport.TLS:
            return ()
        if self._roster.edges:
            # The edge speaks TLS with carriers, by authorities of its own.
            return (Step(Kind.CERTIFICATE, Result.SKIPPED, "CHECKED_BY_EDGE"),)
        host, context = gateway.host.strip("[]"), self._tls or ssl.create_default_context()
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                _, writer = await asyncio.open_connection(way.address, gateway.port, ssl=context, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            finding = _REASONS.get(error.verify_code, "CERTIFICATE_UNTRUSTED")
            return (Step(Kind.CERTIFICATE, Result.FAILED, finding, details=(error.verify_message,)),)
        except ssl.SSLError:
            return (Step(Kind.CERTIFICATE, Result.FAILED, "TLS_FAILED"),)
        except TimeoutError:
            return (Step(Kind.CERTIFICATE, Result.FAILED, "SILENT"),)
        except OSError:
            return (Step(Kind.CERTIFICATE, Result.FAILED, "UNREACHABLE"),)
        shown = writer.get_extra_info("peercert") or {}
        writer.transport.abort()
        names = [str(name) for _, name in shown.get("subjectAltName", ())]
        expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
        return (rules.of_certificate(names, expires, self._house.now()),)

    async def _options(self, trunk: Trunk, gateway: Gateway, way: Way) -> Sequence[Step]:
        credentials = self._roster.credentials(trunk)
        reply = await self._reply(
            self._agent.options(uri_of("", gateway), way.hop, credentials, _ASK_SECONDS, routes=way.routes)
        )
        answered = rules.of_options(reply, credentials=credentials is not None)
        if answered.result is Result.FAILED:
            return (answered,)
        return answered, rules.of_codecs(trunk, rules.codecs_in(reply.body))

    async def _registration(self, trunk: Trunk) -> Sequence[Step]:
        if trunk.password is not None and self._roster.credentials(trunk) is None:
            return (Step(Kind.REGISTRATION, Result.FAILED, "PASSWORD_LOST"),)
        try:
            way = await self._roster.reach.way_to(trunk, registrar_of(trunk))
        except DomainError as refused:
            return (Step(Kind.REGISTRATION, Result.FAILED, refused.reason),)
        wish = self._roster.registration(trunk, way)
        return (rules.of_registration(await self._reply(self._agent.ask_registrar(wish, _ASK_SECONDS))),)

    async def _reply(self, asking: Coroutine[Any, Any, Response]) -> Reply:
        began = monotonic()
        try:
            response = await asking
        except SipParseError:
            return Reply(503, local=True)
        took = timedelta(seconds=monotonic() - began)
        body = response.body.decode("utf-8", "replace")
        return Reply(response.status, response.reason, response.local, took, body)

    # -- a call ------------------------------------------------------------------------------------------------

    async def _call(self, trunk: Trunk, wish: Wish) -> Sequence[Step]:
        try:
            attempt, line = await self._planned(trunk, wish)
        except DomainError as refused:
            return (Step(Kind.CALL, Result.FAILED, refused.reason),)
        try:
            way = await self._roster.reach.way_to(trunk, attempt.gateway)
            return (await TrialCall(self._house, self._agent, self._roster, attempt, way).made(),)
        except DomainError as refused:
            return (Step(Kind.CALL, Result.FAILED, refused.reason),)
        finally:
            # Also when whoever asked went away meanwhile.
            self._house.tasks.spawn(self._lines.release(line), "line of a test")

    async def _planned(self, trunk: Trunk, wish: Wish) -> tuple[Attempt, Any]:
        """By the rules of any call out, over this trunk alone; with its line."""
        house = self._house
        numbers = await house.tenancy.caller_numbers(trunk.tenant_id, "")
        dialing.require_calls(suspended=numbers.suspended, restricted=numbers.restricted)
        now = house.now()
        dialer, sights = await house.db.system(
            lambda tx: ops.situation(tx, trunk.tenant_id, numbers.to_show, now), read_only=True
        )
        this = [each for each in sights if each.trunk.trunk_id == trunk.trunk_id]
        plan = dialing.decide(wish, dialer, this, now, random.Random())
        attempt = plan.attempts[0]
        line = plan.line(attempt, dialer, new_id("call", now), house.settings.node_id, now)
        return attempt, await self._lines.take(line)


class TrialCall:
    """One ring: ended as soon as it is known to ring, and after `_CALL_SECONDS` at the latest."""

    def __init__(self, house: House, agent: SipAgent, roster: Roster, attempt: Attempt, way: Way) -> None:
        self._house = house
        self._agent = agent
        self._roster = roster
        self._attempt = attempt
        self._way = way
        self._began = monotonic()
        self._codec = ""
        self._policy = policy_of(attempt.trunk)
        self._done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()

    async def made(self) -> Step:
        """Ring, and say what came of it; with SRTP alone once more where that is insisted on, as any call out."""
        step = await self._rung()
        if step.status in MEDIA_REFUSED and self._policy.srtp == "prefer":
            self._policy = replace(self._policy, srtp="require")
            self._done = asyncio.get_running_loop().create_future()
            step = await self._rung()
        return step

    async def _rung(self) -> Step:
        house, gateway = self._house, self._attempt.gateway
        media = house.plane.rtp(self._policy, toward=self._way.address)
        try:
            wish = invite_wish(self._roster, self._attempt, self._way, media.offer(), response_seconds=_ASK_SECONDS)
            invite = await self._agent.invite(wish)
            invite.on_ringing = lambda: self._ends("CALL_RINGS", 180)
            invite.on_progress = lambda sdp: self._progressed(media, sdp)
            invite.on_answered = lambda dialog, sdp: self._answered(media, dialog, sdp)
            invite.on_failed = self._failed
            step = await self._waited(invite)
        finally:
            house.tasks.spawn(house.plane.close_leg(media), "media of a test")
        return step.of(gateway)

    async def _waited(self, invite: OutgoingInvite) -> Step:
        try:
            async with asyncio.timeout(max(0.0, _CALL_SECONDS - (monotonic() - self._began))):
                return await self._done
        except TimeoutError:
            return rules.of_call("CALL_NOT_RUNG", Reply(0, local=True))
        finally:
            if invite.dialog is None:
                self._house.tasks.spawn(invite.cancel(), "end of a test")

    def _progressed(self, media: RtpLeg, sdp: str) -> None:
        self._speaks(media, sdp)
        self._ends("CALL_RINGS", 183)

    def _answered(self, media: RtpLeg, dialog: SipDialog, sdp: str) -> None:
        self._house.tasks.spawn(dialog.bye(), "end of a test")
        self._speaks(media, sdp)
        self._ends("CALL_ANSWERED", 200)

    def _speaks(self, media: RtpLeg, sdp: str) -> None:
        try:
            media.apply(sdp)
            self._codec = media.codec.name
        except SdpInvalid:
            log.info("a carrier's description can't be used", trunk_id=self._attempt.trunk.trunk_id)

    def _ends(self, finding: str, status: int) -> None:
        if not self._done.done():
            self._done.set_result(rules.of_call(finding, Reply(status, took=self._took()), self._codec))

    def _failed(self, failure: Failure) -> None:
        if not self._done.done():
            reply = Reply(failure.status, failure.reason, failure.local, self._took())
            self._done.set_result(rules.of_refused_call(reply))

    def _took(self) -> timedelta:
        return timedelta(seconds=monotonic() - self._began)

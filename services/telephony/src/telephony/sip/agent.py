"""The user agent: sockets in, invitations and dialogs out. Who may call, and what a call is, others decide."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from chassis.telemetry import log

from telephony.sip import registrar, registration, session_timer
from telephony.sip.agent_settings import AgentSettings, PassedOn
from telephony.sip.dialogs import TAKE_OVER_STEP, DialogState, place_of
from telephony.sip.digest import Credentials, DigestClient
from telephony.sip.errors import SipParseError
from telephony.sip.fields import Replaces
from telephony.sip.gate import Gate, put_off
from telephony.sip.invitation import Invitation
from telephony.sip.messages import Flow, Headers, Request, Response
from telephony.sip.outgoing import InviteWish, OutgoingInvite
from telephony.sip.parsing import parse
from telephony.sip.registration import Registrant, Registration
from telephony.sip.server_transactions import ServerTransaction
from telephony.sip.session import SipDialog, refuse_extensions
from telephony.sip.session_timer import IntervalTooSmall
from telephony.sip.sources import told_by_edge
from telephony.sip.stack import ALLOW, REGISTRAR_SUPPORTED, SUPPORTED, Stack
from telephony.sip.timers import LoopTimers, Timers
from telephony.sip.transports import Destination, ListenPoint, TransportLayer
from telephony.sip.uris import NameAddr, SipUri, parse_uri

_KNOWN = frozenset(part.lower() for part in ALLOW.split(", "))


class SipAgent:
    """One process's user agent. Set the callbacks before `start`."""

    def __init__(self, settings: AgentSettings, timers: Timers | None = None) -> None:
        self.on_invite: Callable[[Invitation], object] | None = None
        self.on_register: registrar.OnRegister | None = None
        self.on_options: Callable[[Request], int] = lambda _: 200
        """The status an OPTIONS is answered with: the same for every user, known or not."""
        self._settings = settings
        self._timers = timers
        self._transports = TransportLayer(
            settings.points, self.receive, self._lost, limits=settings.limits, tls_client=settings.tls_client
        )
        self._stack: Stack | None = None
        self._gate: Gate | None = None
        self._draining: int | None = None

    # The application's side.

    async def start(self) -> None:
        """Listen. OSError when an address is taken."""
        timers = self._timers or LoopTimers()
        settings = self._settings
        self._stack = Stack(timers, self._transports, self, settings.limits, settings.times, settings.name)
        self._gate = Gate(timers, settings.keys, settings.limits, settings.on_failure, settings.barred_name)
        await self._transports.start()

    async def close(self) -> None:
        """Give up the sockets; nobody is told. Hang up or hand over what lives before."""
        if self._stack is not None:
            await self._stack.tasks.close()
            await self._stack.transactions.close()
        await self._transports.close()

    def drain(self, retry_after: int | None = 30) -> None:
        """Refuse new calls with 503 from now on; None takes that back. Calls that live aren't touched."""
        self._draining = retry_after

    @property
    def points(self) -> list[ListenPoint]:
        """What is listened on, with real ports."""
        return self._transports.points

    @property
    def dialogs(self) -> list[SipDialog]:
        """Every dialog there is, early ones too."""
        return list(self.stack.dialogs.values())

    @property
    def load(self) -> int:
        """Transactions that live: 0 when nothing is going on."""
        return len(self.stack.transactions)

    @property
    def stack(self) -> Stack:
        """The ground; only after `start`."""
        assert self._stack is not None, "the agent has not been started"
        return self._stack

    async def invite(self, wish: InviteWish) -> OutgoingInvite:
        """Call somebody. Set the callbacks of what is returned without awaiting anything in between."""
        outgoing = OutgoingInvite(self.stack, wish)
        outgoing.start()
        return outgoing

    def register(self, wish: Registration, on_state: Callable[[bool, int], None]) -> Registrant:
        """Register and stay registered until `Registrant.stop`. SipParseError when the wish's URIs are wrong."""
        registrant = Registrant(self.stack, wish, on_state)
        registrant.start()
        return registrant

    async def ask_registrar(self, wish: Registration, seconds: float = 4.0) -> Response:
        """Ask a registrar what it has of us; changes nothing. A local 408 when nothing came in time, a local 503
        without a way there. SipParseError when the wish's URIs are wrong."""
        return await registration.ask(self.stack, wish, seconds)

    async def options(
        self,
        target: str,
        hop: Destination | None = None,
        credentials: Credentials | None = None,
        seconds: float = 4.0,
        *,
        routes: Sequence[str] = (),
    ) -> Response:
        """Ask whether somebody is there; what was answered, a local 408 when nothing came in time, a local 503 without
        a way there. `routes` are Route values to begin with.

        SipParseError when `target` isn't a URI of ours.
        """
        digest, number = DigestClient(credentials), 0
        call_id, tag = secrets.token_hex(16), secrets.token_hex(8)

        def make() -> Request:
            nonlocal number
            number += 1
            place = hop or place_of(parse_uri(target))
            me = self.stack.contact(place.transport, "")
            headers = Headers([("from", f"<{me}>;tag={tag}"), ("to", f"<{target}>"), ("call-id", call_id)])
            headers.set("route", *routes)
            headers.set("cseq", f"{number} OPTIONS")
            headers.set("max-forwards", "70")
            headers.set("contact", f"<{me}>")
            headers.set("accept", "application/sdp")
            request = Request("OPTIONS", target, headers)
            self.stack.dress(request)
            return request

        return await self.stack.ask(make, lambda: [hop or place_of(parse_uri(target))], digest, seconds=seconds)

    def take_over(self, state: dict[str, Any]) -> SipDialog:
        """Go on with a dialog another node kept (`SipDialog.state`). Set the callbacks, then `reinvite` from here:
        that tells the peer our new Contact and address. ValueError when it isn't a dialog's state."""
        kept = DialogState.of(state)
        kept.local_cseq += TAKE_OVER_STEP
        kept.left_by()
        old = parse_uri(kept.contact)
        kept.contact = self.stack.contact(old.transport, old.plain_user)
        dialog = SipDialog(self.stack, kept, DigestClient(None), confirmed=True)
        dialog.offers.resume()
        return dialog

    def find(self, replaces: Replaces) -> SipDialog | None:
        """The dialog of ours that a Replaces names."""
        return self.stack.find(replaces)

    # The network's side.

    def receive(self, data: bytes, flow: Flow) -> None:
        """One datagram, or one framed message of a connection. Whatever it is, this doesn't raise."""
        if len(data) <= 4 and not data.strip(b"\r\n\x00"):
            return
        if self._settings.barred(flow.remote[0]):
            return
        try:
            message = parse(data)
            if isinstance(message, Response):
                self.stack.transactions.receive_response(message)
            else:
                if self._settings.edges(flow.remote[0]):
                    message.began_at(told_by_edge(message, flow))
                self.stack.transactions.receive_request(message, flow)
        except SipParseError as error:
            self._malformed(error, flow)
        except Exception:
            log.exception("a SIP message could not be handled")

    def request_received(self, transaction: ServerTransaction) -> None:
        """A new request, of whatever method. Who has no dialog with us and wasn't identified may be anyone, in anyone's
        name: they are answered once, and nothing is kept of it (26.3.2.4)."""
        try:
            self._dispatch(transaction)
        except SipParseError as error:
            transaction.answer_once(error.status, tag=secrets.token_hex(8))
        except Exception:
            log.exception("a SIP request could not be handled", method=transaction.request.method)
            transaction.answer_once(500, tag=secrets.token_hex(8))

    def ack_received(self, request: Request) -> None:
        """An ACK to one of our 2xx, or to nothing."""
        dialog = self._dialog_of(request)
        if dialog is not None:
            dialog.offers.receive_ack(request)

    def _dispatch(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if request.method == "CANCEL":
            self._cancelled(transaction)
        elif request.to.tag:
            dialog = self._dialog_of(request)
            if dialog is None:
                transaction.answer_once(481)
            else:
                dialog.receive(transaction)
        elif request.source.by_edge and self._settings.barred(request.source.host):
            # Silence would make the edge take this node for dead.
            transaction.respond_once(request.response(403, tag=secrets.token_hex(8)))
        elif unknown := request.headers.tokens("require") - _supported(request):
            refuse_extensions(transaction, unknown, once=True)
        elif request.method == "INVITE":
            self._invited(transaction)
        elif request.method == "REGISTER" and self.on_register is not None:
            self.stack.spawn(self._register(transaction), "REGISTER")
        elif request.method == "OPTIONS":
            self._asked(transaction)
        elif request.method in ("BYE", "PRACK", "UPDATE", "INFO", "NOTIFY"):
            transaction.answer_once(481, tag=secrets.token_hex(8))
        else:
            known = request.method.lower() in _KNOWN
            response = request.response(405 if known else 501, tag=secrets.token_hex(8))
            response.headers.set("allow", ALLOW)
            transaction.respond_once(response)

    def _dialog_of(self, request: Request) -> SipDialog | None:
        return self.stack.dialogs.get((request.call_id, request.to.tag, request.from_.tag))

    def _cancelled(self, transaction: ServerTransaction) -> None:
        invite = self.stack.transactions.invite_for(transaction.request)
        if invite is None:
            transaction.answer_once(481, tag=secrets.token_hex(8))
            return
        transaction.answer(200, tag=secrets.token_hex(8))
        if not invite.is_open:
            return
        if invite.on_cancel is not None:
            invite.on_cancel(transaction.request)
        else:
            # Still being identified: nobody was told of it yet.
            invite.answer(487, tag=secrets.token_hex(8))

    def _asked(self, transaction: ServerTransaction) -> None:
        status = 503 if self._draining is not None else self.on_options(transaction.request)
        response = transaction.request.response(status, tag=secrets.token_hex(8))
        self.stack.dress(response)
        response.headers.set("accept", "application/sdp")
        transaction.respond_once(response)

    async def _register(self, transaction: ServerTransaction) -> None:
        assert self._gate is not None and self.on_register is not None
        user = await self._gate.identify(transaction)
        if user is not None:
            self._transports.know(transaction.request.flow)
            await self._guarded(transaction, registrar.register(transaction, user, self.on_register))

    def _invited(self, transaction: ServerTransaction) -> None:
        gate = self._gate
        assert gate is not None
        request = transaction.request
        trusted, whose = self._settings.trusted(request.source), ""
        if trusted:
            self._transports.know(request.flow)
            whose = self._settings.share(request.source)
        admitted = gate.admits(request, trusted=trusted, whose=whose)
        if self.on_invite is None or self._draining is not None or not admitted:
            response = request.response(503, tag=secrets.token_hex(8))
            response.headers.set("retry-after", str(self._draining or 1))
            transaction.respond_once(response)
        elif not trusted:
            self.stack.spawn(self._identified(transaction, gate), "INVITE")
        elif (phone := self._settings.phone(_user_of(request.from_), request.source.host)) is None:
            self._invite(transaction, "")
        else:
            self.stack.spawn(self._guarded(transaction, self._phone_or_trunk(transaction, gate, phone)), "INVITE")

    async def _identified(self, transaction: ServerTransaction, gate: Gate) -> None:
        request = transaction.request
        if vouched := self._settings.vouched(request):
            await self._guarded(transaction, self._invite_later(transaction, vouched))
            return
        user = await gate.identify(transaction)
        if user is None:
            return
        self._transports.know(request.flow)
        try:
            passed_on = await self._settings.elsewhere(request, user)
        except Exception as error:
            log.warning("where a phone's call belongs can't be looked up", exc_info=error)
            put_off(transaction)
            return
        if passed_on is not None:
            self._pass_on(transaction, passed_on)
        elif transaction.is_open:
            await self._guarded(transaction, self._invite_later(transaction, user))

    def _pass_on(self, transaction: ServerTransaction, to: PassedOn) -> None:
        """302: an edge of ours goes there by itself, a phone without one calls there anew (8.3)."""
        response = transaction.request.response(302, tag=secrets.token_hex(8))
        dialed = parse_uri(transaction.request.uri).plain_user
        host, _, port = to.place.rpartition(":")
        response.headers.set("contact", f"<{SipUri.of(dialed, host.strip('[]'), int(port))}>")
        for name, value in to.fields:
            response.headers.set(name, value)
        transaction.respond(response)

    async def _phone_or_trunk(
        self, transaction: ServerTransaction, gate: Gate, phone: Coroutine[Any, Any, bool]
    ) -> None:
        try:
            is_phone = await phone
        except Exception as error:
            # Whose it is can't be looked up now. A trunk's call, it may be: its carrier tries again, or elsewhere.
            log.warning("who calls can't be looked up", exc_info=error)
            put_off(transaction)
            return
        if is_phone:
            await self._identified(transaction, gate)
        elif transaction.is_open:
            self._invite(transaction, "")

    async def _invite_later(self, transaction: ServerTransaction, user: str) -> None:
        self._invite(transaction, user)

    async def _guarded(self, transaction: ServerTransaction, work: Any) -> None:
        try:
            await work
        except SipParseError as error:
            transaction.answer(error.status, tag=secrets.token_hex(8))
        except Exception:
            log.exception("a SIP request could not be handled", method=transaction.request.method)
            transaction.answer(500, tag=secrets.token_hex(8))

    def _invite(self, transaction: ServerTransaction, user: str) -> None:
        request = transaction.request
        tag = secrets.token_hex(8)
        try:
            agreed = session_timer.answer(request, self.stack.times)
        except IntervalTooSmall:
            response = request.response(422, tag=tag)
            response.headers.set("min-se", str(self.stack.times.minimum))
            transaction.respond(response)
            return
        replaced = None
        if "replaces" in request.headers:
            replaced = self._replaced(transaction, tag)
            if replaced is None:
                return
        invitation = Invitation(self.stack, transaction, tag, user, agreed)
        invitation.replaced = replaced
        transaction.respond(request.response(100))
        assert self.on_invite is not None
        self.on_invite(invitation)

    def _replaced(self, transaction: ServerTransaction, tag: str) -> SipDialog | None:
        """The dialog to be replaced, or the refusal sent (RFC 3891 3)."""
        values = transaction.request.headers.each("replaces")
        if len(values) != 1:
            raise SipParseError("more than one Replaces")
        wish = Replaces.parse(values[0])
        dialog = self.stack.find(wish)
        if dialog is None:
            transaction.answer(481, tag=tag)
        elif dialog.ended:
            transaction.answer(603, tag=tag)
        elif dialog.confirmed and wish.early_only:
            transaction.answer(486, tag=tag)
        elif not dialog.confirmed and not dialog.initiator:
            transaction.answer(481, tag=tag)
        else:
            return dialog
        return None

    def _malformed(self, error: SipParseError, flow: Flow) -> None:
        """Tell a sender whose request could be read so far; an ACK and what isn't SIP get nothing."""
        request = error.partial
        self._settings.on_failure(flow.remote[0], "malformed", "")
        if request is None or request.method == "ACK":
            return
        try:
            via = request.via
            request.headers.set("via", str(via.received_from(flow.remote)), *request.headers.lines("via")[1:])
            response = request.response(error.status, error.reason, tag=secrets.token_hex(8))
            flow.send(response.encode())
        except (SipParseError, ValueError):
            return

    def _lost(self, flow: Flow) -> None:
        if self._stack is not None:
            self._stack.flow_lost(flow)


def _supported(request: Request) -> frozenset[str]:
    return REGISTRAR_SUPPORTED if request.method == "REGISTER" else SUPPORTED


def _user_of(address: NameAddr) -> str:
    """The user it names, empty for none and for what is no SIP address."""
    try:
        return address.sip.plain_user
    except SipParseError:
        return ""

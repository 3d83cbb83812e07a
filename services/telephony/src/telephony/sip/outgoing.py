"""An INVITE of ours, until it is answered, refused or given up (RFC 3261 13.2, the UAC's side)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from telephony.sip import session_timer
from telephony.sip.bodies import SDP, sdp_of, typed
from telephony.sip.causes import NO_ANSWER, NO_USER_RESPONDING, NORMAL_CLEARING, cause_of
from telephony.sip.client_transactions import ClientTransaction
from telephony.sip.dialogs import of_response, place_of
from telephony.sip.digest import Credentials, DigestClient
from telephony.sip.errors import SipParseError, TransportFailed
from telephony.sip.fields import Reason, Replaces, parse_addresses, parse_reasons, retry_after
from telephony.sip.messages import REASONS, Headers, Request, Response
from telephony.sip.session import SipDialog
from telephony.sip.session_timer import SessionTimes
from telephony.sip.stack import Stack
from telephony.sip.syntax import number
from telephony.sip.timers import T1, Timer
from telephony.sip.transports import Destination
from telephony.sip.uris import NameAddr, parse_address, parse_uri

_FORKS = 12
_ANSWERS = 64
ANONYMOUS = NameAddr("sip:anonymous@anonymous.invalid", "Anonymous")


@dataclass(frozen=True)
class InviteWish:
    """Whom to call, as whom, and with what."""

    target: str
    """The Request-URI."""
    caller: NameAddr
    """From, without a tag."""
    sdp: str
    """Our offer."""
    hop: Destination | None = None
    """Where to send it, when not where `target` or the first of `routes` says: a gateway, a phone behind NAT."""
    keep_hop: bool = False
    """Send what follows in the dialog there too: for phones, whose Contact can't be reached."""
    routes: tuple[str, ...] = ()
    """Route values to begin with (an outbound proxy)."""
    credentials: Credentials | None = None
    asserted: str = ""
    """URI for P-Asserted-Identity."""
    anonymous: bool = False
    """Hide the caller: From says so, and Privacy asks for it (RFC 3323)."""
    diversion: str = ""
    """A Diversion value, when we forward."""
    hops: int = 70
    """Max-Forwards."""
    replaces: Replaces | None = None
    referred_by: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """More header fields, names in lower case."""
    call_id: str = ""
    """Empty makes one up."""
    response_seconds: float = 64 * T1
    """How long to wait for the first response of any kind: short where another gateway could be tried."""
    progress_seconds: float = 180.0
    """How long to wait, once somebody has said 100 (trying), for the first word of how it goes."""
    ring_seconds: float = 180.0
    """How long to wait for an answer in all."""


@dataclass(frozen=True)
class Failure:
    """Why there is no call. `local` when the status is our own: nothing came, no way, or we gave up. `answered` when
    somebody picked up and what came with it can't be used: calling them by another way would ring at them again."""

    status: int
    reason: str
    q850: int
    targets: tuple[str, ...] = ()
    """Where a 3xx says to call instead, in its order."""
    retry_after: int | None = None
    local: bool = False
    answered: bool = False


class OutgoingInvite:
    """One call attempt. Set the callbacks as soon as `SipAgent.invite` returns it."""

    def __init__(self, stack: Stack, wish: InviteWish) -> None:
        self.wish = wish
        self.call_id = wish.call_id or secrets.token_hex(16)
        self.dialog: SipDialog | None = None
        """The confirmed one."""
        self.on_ringing: Callable[[], None] = _ignore
        self.on_progress: Callable[[str], None] = _ignore
        """SDP before the answer (early media); may come more than once, also from another fork."""
        self.on_answered: Callable[[SipDialog, str], None] = _ignore
        """The confirmed dialog and what the peer says of the session; nothing where an UPDATE before the answer, by
        `on_early_dialog`, has said it since (13.2.1)."""
        self.on_failed: Callable[[Failure], None] = _ignore
        self.on_early_dialog: Callable[[SipDialog], None] = _ignore
        """A dialog before the answer, for its `on_offer` (UPDATE)."""
        self._stack = stack
        self._digest = DigestClient(wish.credentials)
        self._answered_challenges: set[str] = set()
        self._tag = secrets.token_hex(8)
        self._cseq = secrets.randbelow(1 << 16) + 1
        self._times: SessionTimes = stack.times
        self._transaction: ClientTransaction | None = None
        self._early: dict[str, SipDialog] = {}
        self._reliable: dict[str, int] = {}
        self._timers: list[Timer] = []
        self._cancel: Reason | None = None
        self._cancel_sent = False
        self._gave_up: Failure | None = None
        self._over = False
        self._tried = False

    def start(self) -> None:
        """Send it; failures of transport come by `on_failed`, later. Nobody waits for a connection, which may take
        longer than `response_seconds`: whoever isn't back to set the callbacks by then would never hear of it."""
        after = self._stack.timers.after
        self._timers = [
            after(self.wish.response_seconds, self._unanswered),
            after(self.wish.ring_seconds, self._rung_out),
        ]
        self._stack.spawn(self._send(), "invite")

    async def cancel(self, q850: int = NORMAL_CLEARING, *, answered_elsewhere: bool = False) -> None:
        """Give up. `on_failed` comes with 487 when the peer agreed; an answer that crosses is taken and hung up."""
        if self._over or self._cancel is not None:
            return
        self._cancel = Reason("SIP", 200, "Call completed elsewhere") if answered_elsewhere else Reason("Q.850", q850)
        self._send_cancel()

    async def _send(self) -> None:
        try:
            request = self._request()
            flow = await self._stack.flow_to([self._hop()])
        except (SipParseError, TransportFailed) as error:
            reason = str(error)[:80].replace("\r", " ").replace("\n", " ") or "no way"
            self._stack.timers.after(0, self._fail, Failure(503, reason, cause_of(503), local=True))
            return
        if self._cancel is not None or self._over:
            self._fail(_given_up())
            return
        self._transaction = self._stack.start(request, flow, self._heard)

    def _hop(self) -> Destination:
        if self.wish.hop is not None:
            return self.wish.hop
        if self.wish.routes:
            return place_of(parse_address(self.wish.routes[0]).sip)
        return place_of(parse_uri(self.wish.target))

    def _request(self) -> Request:
        wish = self.wish
        headers = Headers()
        headers.set("route", *wish.routes)
        caller = ANONYMOUS if wish.anonymous else wish.caller
        headers.set("from", str(caller.with_tag(self._tag)))
        headers.set("to", f"<{wish.target}>")
        headers.set("call-id", self.call_id)
        self._cseq += 1
        headers.set("cseq", f"{self._cseq} INVITE")
        headers.set("max-forwards", str(wish.hops))
        headers.set("contact", f"<{self._contact()}>")
        optional = {
            "p-asserted-identity": f"<{wish.asserted}>" if wish.asserted else "",
            "privacy": "id" if wish.anonymous else "",
            "diversion": wish.diversion,
            "replaces": str(wish.replaces) if wish.replaces else "",
            "referred-by": wish.referred_by,
        }
        for name, value in (*optional.items(), *wish.headers):
            if value:
                headers.add(name, value)
        request = Request("INVITE", wish.target, headers, wish.sdp.encode())
        if wish.replaces is not None:
            headers.add("require", "replaces")
        typed(request, SDP)
        self._stack.dress(request)
        session_timer.ask(request, self._times)
        self._digest.sign(request)
        return request

    def _contact(self) -> str:
        try:
            user = self.wish.caller.sip.plain_user
        except SipParseError:
            user = ""
        return self._stack.contact(self._hop().transport, "" if self.wish.anonymous else user)

    # What comes back.

    def _heard(self, response: Response) -> None:
        try:
            if response.status < 200:
                self._provisional(response)
            elif response.status < 300:
                self._accepted(response)
            else:
                self._refused(response)
        except SipParseError:
            if response.status >= 200:
                picked_up = response.status < 300
                self._fail(Failure(502, "malformed answer", cause_of(502), local=True, answered=picked_up))

    def _provisional(self, response: Response) -> None:
        if self._cancel is not None:
            self._send_cancel()
            return
        if self._over:
            return
        if response.status == 100:
            self._trying()
            return
        self._tried = True
        self._timers[0].cancel()
        tag = response.to.tag
        dialog = self._dialog_of(response) if tag else None
        if (
            dialog is not None
            and "100rel" in response.headers.tokens("require")
            and not self._in_order(dialog, response)
        ):
            return
        sdp = sdp_of(response)
        if response.status == 180:
            self.on_ringing()
        changed = dialog is not None and dialog.offers.local not in ("", self.wish.sdp)
        if sdp is not None and not changed:
            if dialog is not None:
                dialog.offers.described(local=self.wish.sdp, remote=sdp)
            self.on_progress(sdp)

    def _trying(self) -> None:
        """Somebody took it; whether anything comes of it is another matter."""
        if not self._tried:
            self._tried = True
            self._timers[0].cancel()
            self._timers[0] = self._stack.timers.after(self.wish.progress_seconds, self._unanswered)

    def _in_order(self, dialog: SipDialog, response: Response) -> bool:
        """Whether a reliable response is the next one; if so it is acknowledged by PRACK (RFC 3262 4)."""
        sequence = number((response.headers.get("rseq") or "").strip(), most=0xFFFFFFFF)
        tag = response.to.tag
        last = self._reliable.get(tag)
        if last is not None and sequence != last + 1:
            return False
        self._reliable[tag] = sequence
        rack = f"{sequence} {response.cseq[0]} INVITE"
        self._stack.spawn(dialog.ask("PRACK", lambda request: request.headers.set("rack", rack)), "prack")
        return True

    def _accepted(self, response: Response) -> None:
        dialog = self._dialog_of(response)
        if dialog is None:
            return
        dialog.offers.acknowledge(response.cseq[0])
        if dialog is self.dialog or dialog.confirmed:
            return
        dialog.begin(session_timer.settled(response))
        if self._over or self._cancel is not None:
            # Another fork answered first, or nobody wants the call any more (13.2.2.4).
            self._stack.spawn(dialog.bye(), "bye of a late answer")
            self._fail(_given_up())
            return
        changed = dialog.offers.local not in ("", self.wish.sdp)
        try:
            sdp = sdp_of(response) or dialog.state()["remote_sdp"]
        except SipParseError:
            sdp = ""
        if not sdp and not changed:
            self._stack.spawn(dialog.bye(cause_of(488), "no session description"), "bye without SDP")
            self._fail(Failure(488, "no session description", cause_of(488), local=True, answered=True))
            return
        self.dialog = dialog
        if not changed:
            dialog.offers.described(local=self.wish.sdp, remote=sdp)
        self._finish()
        self.on_answered(dialog, "" if changed else sdp)

    def _refused(self, response: Response) -> None:
        again = False
        if self._cancel is None and not self._over and not response.local:
            if response.status in (401, 407):
                again = self._digest.challenged(response, self._answered_challenges)
            elif response.status == 422:
                least = session_timer.minimum_asked(response)
                again = least > self._times.minimum
                self._times = SessionTimes(max(self._times.interval, least), max(self._times.minimum, least))
        if again:
            self._stack.spawn(self._send(), "invite again")
            return
        reasons = parse_reasons(response.headers.each("reason"))
        q850 = next((each.cause for each in reasons if each.protocol == "Q.850"), cause_of(response.status))
        if response.local and response.status == 408:
            q850 = NO_USER_RESPONDING
        targets = tuple(each.uri for each in parse_addresses(response.headers.each("contact")))
        self._fail(
            Failure(
                response.status,
                response.reason,
                q850,
                targets if response.status < 400 else (),
                retry_after(response.headers.get("retry-after")),
                response.local,
            )
        )

    def _dialog_of(self, response: Response) -> SipDialog | None:
        """The dialog of the response's fork, made when new."""
        tag = response.to.tag
        dialog = self._early.get(tag)
        if dialog is not None and (dialog.confirmed or not dialog.ended):
            if response.status >= 200 and not dialog.confirmed:
                dialog.retarget(response)
            return dialog
        # Answers must be acknowledged and hung up even when given up; ringing of so many forks can be passed over.
        most = _ANSWERS if response.status >= 200 else _FORKS
        if self._transaction is None or (tag not in self._early and len(self._early) >= most):
            return None
        request, keep = self._transaction.request, self.wish.keep_hop
        state = of_response(request, response, self._contact(), self._hop(), keep_hop=keep)
        dialog = self._early[tag] = SipDialog(self._stack, state, self._digest, confirmed=False)
        # Our offer is open until the fork has described itself (RFC 3311 5.2), by a 183 without PRACK too: we know that
        # it arrived, and gateways that know no PRACK go on by UPDATE from there.
        dialog.offers.too_early = lambda: 0 if dialog.offers.local else 491
        self.on_early_dialog(dialog)
        return dialog

    # Giving up.

    def _send_cancel(self) -> None:
        """CANCEL, once a provisional response allows it (9.1)."""
        transaction = self._transaction
        if transaction is None or self._cancel_sent or transaction.state.name != "PROCEEDING":
            return
        self._cancel_sent = True
        request = transaction.cancelling()
        request.headers.set("reason", str(self._cancel))
        self._stack.transactions.start(request, transaction.flow, _ignore)
        # 9.1: a peer who answers the CANCEL but not the INVITE isn't waited for longer.
        self._stack.timers.after(64 * T1, self._never_final, transaction)

    def _never_final(self, transaction: ClientTransaction) -> None:
        transaction.terminate()
        self._fail(_given_up())

    def _unanswered(self) -> None:
        if self._transaction is not None and not self._tried:
            self._stack.unheard(self._transaction.request)
        self._abandon(Failure(408, "no response", NO_USER_RESPONDING, local=True))

    def _rung_out(self) -> None:
        self._abandon(Failure(408, "no answer", NO_ANSWER, local=True))

    def _abandon(self, failure: Failure) -> None:
        """Tell at once; what still comes of the attempt is cleaned up behind it."""
        if self._over:
            return
        self._cancel = self._cancel or Reason("Q.850", failure.q850)
        self._send_cancel()
        self._fail(failure)

    def _fail(self, failure: Failure) -> None:
        if not self._over and self.dialog is None:
            self._finish()
            self.on_failed(failure)

    def _finish(self) -> None:
        self._over = True
        for timer in self._timers:
            timer.cancel()
        for dialog in self._early.values():
            if dialog is not self.dialog and not dialog.confirmed:
                dialog.abandon()


def _given_up() -> Failure:
    return Failure(487, REASONS[487], NORMAL_CLEARING, local=True)


def _ignore(*_: object) -> None:
    return None

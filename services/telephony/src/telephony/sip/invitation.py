"""An INVITE that came in, until it is answered, refused or cancelled (RFC 3261 13.3, the UAS's side)."""

from __future__ import annotations

from collections.abc import Callable

from telephony.sip import session_timer
from telephony.sip.bodies import SDP, sdp_of, typed
from telephony.sip.causes import NORMAL_CLEARING, RECOVERY_ON_TIMER_EXPIRY, cause_of
from telephony.sip.dialogs import of_invite
from telephony.sip.digest import DigestClient
from telephony.sip.errors import DialogEnded, SipParseError
from telephony.sip.fields import Reason, parse_addresses, parse_reasons
from telephony.sip.messages import Request, Response
from telephony.sip.provisional import ReliableResponses, offer_in, wants_reliable
from telephony.sip.server_transactions import ServerTransaction
from telephony.sip.session import Ended, SipDialog
from telephony.sip.session_timer import Agreed
from telephony.sip.stack import Stack
from telephony.sip.syntax import number
from telephony.sip.uris import NameAddr, parse_dialed


class Invitation:
    """Somebody calls. Set `on_cancelled` at once; then ring, and answer or refuse."""

    def __init__(
        self, stack: Stack, transaction: ServerTransaction, tag: str, user: str, agreed: Agreed | None
    ) -> None:
        request = transaction.request
        flow = request.flow
        assert flow is not None
        self.request: Request = request
        self.user = user
        """The user who proved to be calling; empty for a trusted source."""
        self.transport = flow.transport
        self.source = (request.source.host, request.source.port)
        """Host and port it came from, behind an edge of ours."""
        self.sdp_offer = sdp_of(request)
        """None when the peer wants ours: then the SDP given to `answer` is the offer, its answer comes by the
        dialog's `on_answer`."""
        self.replaced: SipDialog | None = None
        """The dialog this call takes the place of (Replaces): once answered, that one is ended here by BYE."""
        self.on_cancelled: Callable[[Ended], None] = _ignore
        self._stack = stack
        self._transaction = transaction
        self._tag = tag
        self._agreed = agreed
        self._told = ""
        """What a response has said of the session."""
        state = of_invite(request, tag, stack.contact(flow.transport, request_user(request)))
        state.user = user
        self.dialog = SipDialog(stack, state, DigestClient(None), confirmed=False)
        """Early until answered; set its callbacks before answering."""
        self.dialog.on_prack = self._prack
        self.dialog.on_early_bye = self._ended
        transaction.on_cancel = self._cancelled
        self._reliable = ReliableResponses(stack.timers, transaction, self._never_heard)
        self.dialog.offers.too_early = self._too_early

    @property
    def caller(self) -> NameAddr:
        """From, as the peer gives it."""
        return self.request.from_

    @property
    def called(self) -> str:
        """The number or user of the Request-URI."""
        return request_user(self.request)

    @property
    def called_besides(self) -> tuple[str, ...]:
        """Whom other fields say is called: P-Called-Party-ID (RFC 7315 4.2), then To. A registrar puts what was
        registered in the place of the number in the Request-URI (RFC 3261 16.5)."""
        addresses = (*parse_addresses(self.request.headers.each("p-called-party-id")), self.request.to)
        return tuple(each.sip.number for each in addresses if each.uri.lower().startswith(("sip:", "sips:", "tel:")))

    @property
    def asserted(self) -> tuple[NameAddr, ...]:
        """P-Asserted-Identity (RFC 3325): to be believed only of a source one trusts."""
        return parse_addresses(self.request.headers.each("p-asserted-identity"))

    @property
    def private(self) -> bool:
        """Whether the caller asks to be shown to nobody (RFC 3323 4.2, RFC 3325 7): what is asserted of them is for
        carriers alone."""
        wishes = ";".join(self.request.headers.each("privacy")).lower().split(";")
        return not {"id", "user"}.isdisjoint(each.strip() for each in wishes)

    @property
    def diverted(self) -> tuple[NameAddr, ...]:
        """Who forwarded the call, the latest first: Diversion (RFC 5806), else History-Info (RFC 7044) backwards."""
        diversion = parse_addresses(self.request.headers.each("diversion"))
        return diversion or parse_addresses(self.request.headers.each("history-info"))[::-1][1:]

    @property
    def hops(self) -> int:
        """Max-Forwards: how many servers the call may pass yet."""
        return number(self.request.headers.get("max-forwards") or "70", most=255)

    @property
    def is_open(self) -> bool:
        """Whether it still waits for an answer."""
        return self._transaction.is_open

    async def ring(self) -> None:
        """180."""
        self._provisional(180, None)

    async def progress(self, sdp: str) -> None:
        """183 with early media; reliably when the peer can (RFC 3262)."""
        self._provisional(183, sdp)

    async def answer(self, sdp: str) -> SipDialog:
        """200 with our answer (or offer). Raises DialogEnded when the caller has gone.

        That the ACK came is watched: without it within 32 s the dialog ends by `on_bye` (no_ack).
        """
        await self._reliable.settled()
        if not self.is_open:
            raise DialogEnded("the caller has gone")
        self._reliable.close()
        response = self._response(200, self._described(sdp))
        session_timer.put(response, self._agreed, supported=self.request.supports("timer"))
        dialog = self.dialog
        dialog.offers.expect_ack(self._transaction, offered=self.sdp_offer is None)
        self._transaction.respond(response)
        dialog.begin(self._agreed)
        if self.replaced is not None and not self.replaced.ended:
            self._stack.spawn(self.replaced.bye(), "bye of the replaced")
        return dialog

    async def refuse(
        self, status: int, reason: str = "", q850: int | None = None, *, retry_after: int | None = None
    ) -> None:
        """A final status of 300 or more; does nothing when the caller has gone."""
        if not 300 <= status < 700:
            raise ValueError("not a refusal")
        if not self.is_open:
            return
        response = self.request.response(status, reason, tag=self._tag)
        response.headers.set("reason", str(Reason("Q.850", cause_of(status) if q850 is None else q850)))
        if retry_after is not None:
            response.headers.set("retry-after", str(retry_after))
        self._close(response)

    def _provisional(self, status: int, sdp: str | None) -> None:
        if self.is_open:
            reliable = wants_reliable(self._transaction, described=sdp is not None)
            described = self._described(sdp) if sdp is not None else None
            self._reliable.send(self._response(status, described), reliable=reliable)

    def _described(self, sdp: str) -> str:
        """`sdp`, or what is in force since an UPDATE or a PRACK of the early dialog changed what was said first: who
        goes by the book reads none of it (13.2.1), who doesn't would go back by the old one."""
        offers = self.dialog.offers
        if self._told and offers.local != self._told:
            return offers.local
        self._told = sdp
        offers.described(local=sdp, remote=self.sdp_offer)
        return sdp

    def _response(self, status: int, sdp: str | None) -> Response:
        response = self.request.response(status, tag=self._tag)
        response.headers.set("record-route", *self.request.headers.lines("record-route"))
        response.headers.set("contact", f"<{self.dialog.contact}>")
        self._stack.dress(response)
        if sdp is not None:
            typed(response, SDP)
            response.body = sdp.encode()
        return response

    def _too_early(self) -> int:
        """What was sent without waiting for its PRACK may be lost: who calls waits for the answer to its INVITE still,
        and would take the one in our 200 for it, which is to another offer. Where the INVITE had none ours is first."""
        if self.sdp_offer is None:
            return 491
        return 0 if self._reliable.described else 500

    def _prack(self, prack: ServerTransaction) -> bool:
        if not self._reliable.acknowledged(prack):
            return False
        offer = offer_in(prack)
        if offer is None:
            prack.answer(200)
        else:
            self.dialog.offers.answer_prack(prack, offer)
        return True

    def _cancelled(self, cancel: Request) -> None:
        reasons = parse_reasons(cancel.headers.each("reason"))
        q850 = next((each.cause for each in reasons if each.protocol == "Q.850"), NORMAL_CLEARING)
        # A caller who says SIP;cause=200 was answered elsewhere (RFC 3326 3.1).
        status = next((each.cause for each in reasons if each.protocol == "SIP"), 487)
        self._gone(487, Ended("cancelled", q850, status))

    def _ended(self, ended: Ended) -> None:
        """A BYE in the early dialog (15)."""
        self._gone(487, ended)

    def _never_heard(self) -> None:
        self._gone(504, Ended("no_prack", RECOVERY_ON_TIMER_EXPIRY, 504))

    def _gone(self, status: int, ended: Ended) -> None:
        if self.is_open:
            self._close(self.request.response(status, tag=self._tag))
            self.on_cancelled(ended)

    def _close(self, response: Response) -> None:
        self._reliable.close()
        self._transaction.respond(response)
        self.dialog.abandon()


def request_user(request: Request) -> str:
    """The number or user a Request-URI names; empty when it names only a host."""
    try:
        return parse_dialed(request.uri)
    except SipParseError:
        return ""


def _ignore(_: Ended) -> None:
    return None

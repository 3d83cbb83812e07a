"""A dialog that carries a call: what may be asked in it, by either side, and its end (RFC 3261 12.2, 15).

Session descriptions are text to it. Who is called by what stands in the package's docstring.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from telephony.sip.bodies import digit_body, digit_of, typed
from telephony.sip.causes import NORMAL_CLEARING, RECOVERY_ON_TIMER_EXPIRY
from telephony.sip.dialogs import MAX_ROUTES, DialogState
from telephony.sip.digest import Credentials, DigestClient
from telephony.sip.errors import DialogEnded, OfferRefused, SipRefused
from telephony.sip.fields import Reason, Replaces, parse_reasons
from telephony.sip.messages import Request, Response
from telephony.sip.offers import Offers
from telephony.sip.refer import Referrals, ReferWish
from telephony.sip.server_transactions import ServerTransaction
from telephony.sip.session_timer import Agreed
from telephony.sip.stack import ALLOW, SUPPORTED, Stack
from telephony.sip.uris import parse_address


@dataclass(frozen=True)
class Ended:
    """Why a dialog ended without our asking."""

    why: str
    """bye, no_ack (our answer was never acknowledged), expired (session timer), gone (the peer knows it no more)."""
    q850: int = NORMAL_CLEARING
    status: int = 0
    """The SIP status that ended it, or that Reason gave; 0 without."""
    text: str = ""


class SipDialog:
    """One dialog. The callbacks are set by the application before anything can come."""

    def __init__(self, stack: Stack, state: DialogState, digest: DigestClient, *, confirmed: bool) -> None:
        self.stack = stack
        self.confirmed = confirmed
        self.ended = False
        self.on_offer: Callable[[str | None], Awaitable[str]] = _no_offer
        self.on_answer: Callable[[str], None] = _ignore
        self.on_bye: Callable[[Ended], None] = _ignore
        self.on_early_bye: Callable[[Ended], None] = _ignore
        """In place of `on_bye` before the answer: the INVITE is open still, and wants its own (15.1.2)."""
        self.on_refer: Callable[[ReferWish], object] = _no_refer
        self.on_info_digit: Callable[[str, int], None] = _ignore
        self.on_change: Callable[[], None] = _ignore
        self.on_prack: Callable[[ServerTransaction], bool] = _no_prack
        self._state = state
        self._digest = digest
        self._referrals = Referrals(self)
        self.offers = Offers(self, state)
        stack.dialogs[state.key] = self

    # What the application reads and does.

    @property
    def call_id(self) -> str:
        return self._state.call_id

    @property
    def initiator(self) -> bool:
        """Whether we called."""
        return self._state.initiator

    @property
    def contact(self) -> str:
        """Our Contact URI."""
        return self._state.contact

    @property
    def local_uri(self) -> str:
        """Our address in this call."""
        return parse_address(self._state.local).uri

    @property
    def remote_uri(self) -> str:
        """The peer's address in this call."""
        return parse_address(self._state.remote).uri

    @property
    def user(self) -> str:
        """The user the peer proved to be, empty for others."""
        return self._state.user

    @property
    def bound(self) -> bool:
        """See `DialogState.bound`."""
        return self._state.bound

    def state(self) -> dict[str, Any]:
        """What another node needs to take over, JSON-ready; worth storing again when `on_change` calls."""
        return self._state.as_dict()

    def authenticate(self, credentials: Credentials) -> None:
        """What to answer a challenge with, for dialogs the peer began or that were taken over."""
        self._digest = DigestClient(credentials)

    def certified_as(self, name: str) -> None:
        """The name the peer's certificate must show when it is connected to, where its Contact is only an address."""
        self._state.tls_name = name

    def replaces(self) -> Replaces:
        """How the other end names this dialog."""
        return self._state.replaces()

    async def reinvite(self, sdp: str) -> str:
        """Offer `sdp` by re-INVITE; gives the answer. Waits for its turn, tries again after glare (14.1).

        Raises SipRefused (the session stays as it was, unless it is 408 or 481, which end the dialog), DialogEnded.
        """
        return await self.offers.offer("INVITE", sdp)

    async def update(self, sdp: str) -> str:
        """Offer `sdp` by UPDATE, also before the call is answered (RFC 3311); by re-INVITE to who knows no UPDATE."""
        if "update" not in self._state.allows and self.confirmed:
            return await self.offers.offer("INVITE", sdp)
        return await self.offers.offer("UPDATE", sdp)

    async def bye(self, q850: int = NORMAL_CLEARING, text: str = "") -> None:
        """End the call; returns when the peer answered or can't be heard. `on_bye` isn't called."""
        if self.ended:
            return
        if not self.confirmed:
            raise DialogEnded("not answered yet: cancel or refuse instead")
        # A callee waits for the ACK with its BYE (15), which comes or is given up after 32 s.
        self._end()
        await self.offers.acknowledged()

        def dressed(request: Request) -> None:
            request.headers.set("reason", str(Reason("Q.850", q850, text)))

        await self.ask("BYE", dressed)
        self._forget()

    def leave(self) -> None:
        """Another node goes on with it (`SipAgent.take_over`): nothing more is said from here, and `on_bye` isn't
        called."""
        if not self.ended:
            self._end()
            self._forget()

    async def refer(
        self, target: str, replaces: SipDialog | None = None, on_progress: Callable[[int], None] | None = None
    ) -> int:
        """Ask the peer to call `target`, there taking the place of the dialog `replaces` (whose peer is called).

        Gives the status the new call ended its set-up with: 200 when it was answered; what was last heard, 0 for
        nothing, when the dialog ends or 180 s pass before. Raises SipRefused when the peer won't.
        """
        return await self._referrals.refer(target, replaces, on_progress)

    async def send_digit(self, digit: str, milliseconds: int = 160) -> None:
        """One digit by INFO, dtmf-relay. Raises SipRefused."""
        body = digit_body(digit, milliseconds)
        response = await self.ask("INFO", lambda request: typed(request, "application/dtmf-relay"), body=body)
        if response.status >= 300:
            raise SipRefused(response.status, response.reason)

    # What the package does with it.

    async def ask(self, method: str, dress: Callable[[Request], None] | None = None, *, body: bytes = b"") -> Response:
        """One request within the dialog, to its final response. 408 and 481 end the dialog (12.2.1.2)."""

        def make() -> Request:
            request = self._state.request(method)
            request.body = body
            if dress is not None:
                dress(request)
            return request

        response = await self.stack.ask(make, self._state.next_hops, self._digest, also=self.offers.heard_again)
        if response.status in (408, 481) and method not in ("NOTIFY", "PRACK"):
            self._gone(response)
        return response

    def begin(self, agreed: Agreed | None) -> None:
        """The call is answered: run the agreed session timer."""
        self.confirmed = True
        self.offers.agree(agreed)

    def digest_again(self, request: Request) -> None:
        """Sign an ACK as its INVITE was (22.1)."""
        self._digest.sign(request)

    def receive(self, transaction: ServerTransaction) -> None:
        """A request within the dialog, other than ACK and CANCEL. SipParseError is the caller's to answer."""
        request = transaction.request
        if not self._state.accepts(request.cseq[0]):
            transaction.answer(500)
        elif self.ended:
            # A BYE that crossed ours is right as well.
            transaction.answer(200 if request.method == "BYE" else 481)
        elif unknown := request.headers.tokens("require") - SUPPORTED:
            refuse_extensions(transaction, unknown)
        elif request.method in ("INVITE", "UPDATE"):
            self.offers.received(transaction)
        elif request.method == "BYE":
            self._bye(transaction)
        elif request.method == "PRACK":
            if not self.on_prack(transaction):
                transaction.answer(481)
        elif request.method == "INFO":
            self._info(transaction)
        elif request.method == "REFER":
            self._referrals.received(transaction, self.on_refer)
        elif request.method == "NOTIFY":
            self._referrals.notified(transaction)
        elif request.method == "OPTIONS":
            response = request.response(200)
            self.stack.dress(response)
            transaction.respond(response)
        else:
            response = request.response(405)
            response.headers.set("allow", ALLOW)
            transaction.respond(response)

    def retarget(self, response: Response) -> None:
        """The 2xx of an early dialog decides where it goes from now on (13.2.2.4)."""
        self._state.refresh_target(response)
        routes = response.headers.each("record-route")[::-1]
        if routes:
            self._state.routes = routes[:MAX_ROUTES]
        self._state.allows = sorted(response.headers.tokens("allow")) or self._state.allows

    def abandon(self) -> None:
        """An early dialog that came to nothing."""
        self._end()
        self._forget()

    # The peer's requests.

    def _bye(self, transaction: ServerTransaction) -> None:
        transaction.answer(200)
        reasons = parse_reasons(transaction.request.headers.each("reason"))
        q850 = next((each for each in reasons if each.protocol == "Q.850"), None)
        status = next((each for each in reasons if each.protocol == "SIP"), None)
        text = next((each.text for each in reasons if each.text), "")
        self._finish(Ended("bye", q850.cause if q850 else NORMAL_CLEARING, status.cause if status else 0, text))

    def _info(self, transaction: ServerTransaction) -> None:
        found = digit_of(transaction.request)
        if found is None and transaction.request.body:
            response = transaction.request.response(415)
            response.headers.set("accept", "application/dtmf-relay, application/dtmf")
            transaction.respond(response)
            return
        transaction.answer(200)
        if found is not None:
            self.on_info_digit(*found)

    # Time and the end.

    def expired(self, why: str = "expired") -> None:
        """The session timer ran out, or our answer was never acknowledged: hang up."""
        if not self.ended:
            self.stack.spawn(self._give_up(Ended(why, RECOVERY_ON_TIMER_EXPIRY, 408)), why)

    async def _give_up(self, ended: Ended) -> None:
        self._end()
        self.on_bye(ended)
        await self._say_goodbye(ended)

    async def _say_goodbye(self, ended: Ended) -> None:
        await self.ask("BYE", lambda request: request.headers.set("reason", str(Reason("Q.850", ended.q850))))
        self._forget()

    def _gone(self, response: Response) -> None:
        if self.ended or not self.confirmed:
            return
        ended = Ended("gone", RECOVERY_ON_TIMER_EXPIRY, response.status, response.reason)
        if response.status == 481:
            self._finish(ended)
            return
        # Who didn't answer may be in the call still, and hear of its end yet (12.2.1.2, 15).
        self._end()
        self.on_bye(ended)
        self.stack.spawn(self._say_goodbye(ended), "goodbye to who didn't answer")

    def _finish(self, ended: Ended) -> None:
        self._end()
        self._forget()
        (self.on_bye if self.confirmed else self.on_early_bye)(ended)

    def _end(self) -> None:
        self.ended = True
        self.offers.stop()
        self._referrals.settle()

    def _forget(self) -> None:
        if self.stack.dialogs.get(self._state.key) is self:
            del self.stack.dialogs[self._state.key]
        self.offers.forget()


def refuse_extensions(transaction: ServerTransaction, unknown: frozenset[str], *, once: bool = False) -> None:
    """420 naming what we don't know (8.2.2.3); `once` to who isn't known to be a peer."""
    response = transaction.request.response(420)
    response.headers.set("unsupported", ", ".join(sorted(unknown)))
    (transaction.respond_once if once else transaction.respond)(response)


async def _no_offer(_: str | None) -> str:
    raise OfferRefused


def _ignore(*_: object) -> None:
    return None


def _no_refer(wish: ReferWish) -> None:
    wish.refuse()


def _no_prack(_: ServerTransaction) -> bool:
    return False

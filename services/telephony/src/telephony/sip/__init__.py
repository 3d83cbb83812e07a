"""SIP (RFC 3261 and its neighbours): signalling only, nothing of calls, media or databases.

One `SipAgent` per process listens on UDP, TCP and TLS. All on one event loop; every callback is called on it and must
not block. Session descriptions are text: what is in them is the media's.

    agent = SipAgent(AgentSettings(points=[ListenPoint("UDP", "0.0.0.0", 5060, advertise_host="192.0.2.1")], ...))
    agent.on_invite = taken                  # Invitation: ring(), progress(sdp), answer(sdp) -> SipDialog, refuse(...)
    agent.on_register = bound                # RegisterWish -> [Binding]
    await agent.start()
    attempt = await agent.invite(InviteWish(target, caller, sdp, hop=Destination("UDP", "192.0.2.9", 5060)))
    attempt.on_ringing, attempt.on_progress, attempt.on_answered, attempt.on_failed = ...
    await dialog.reinvite(sdp)               # also update, bye, refer, send_digit
    stored = dialog.state()                  # JSON-ready, when answered and at each dialog.on_change
    dialog = other_agent.take_over(stored)   # then callbacks, then reinvite

An `Invitation` and an `OutgoingInvite` end in exactly one of answered, cancelled, refused or failed; a `SipDialog` in
one `bye()` of ours or one `on_bye`. `AgentSettings` holds who is trusted, who is challenged and who is barred.
How it works inside: docs/mechanisms/sip.md.
"""

from telephony.sip.agent import SipAgent
from telephony.sip.agent_settings import AgentSettings, PassedOn
from telephony.sip.causes import cause_of, status_of
from telephony.sip.connections import Limits
from telephony.sip.dialogs import place_of
from telephony.sip.digest import Credentials, ha1
from telephony.sip.errors import DialogEnded, OfferRefused, SipParseError, SipRefused, TransportFailed
from telephony.sip.fields import Replaces
from telephony.sip.gate import GateKeys
from telephony.sip.invitation import Invitation
from telephony.sip.messages import Flow, Request, Response, Source
from telephony.sip.outgoing import Failure, InviteWish, OutgoingInvite
from telephony.sip.refer import ReferWish
from telephony.sip.registrar import Binding, RegisterWish
from telephony.sip.registration import Registrant, Registration
from telephony.sip.session import Ended, SipDialog
from telephony.sip.session_timer import SessionTimes
from telephony.sip.transports import Destination, ListenPoint
from telephony.sip.uris import NameAddr, SipUri, parse_address, parse_dialed, parse_uri

__all__ = [
    "AgentSettings", "Binding", "Credentials", "Destination", "DialogEnded", "Ended", "Failure", "Flow", "GateKeys",
    "Invitation", "InviteWish", "Limits", "ListenPoint", "NameAddr", "OfferRefused", "OutgoingInvite", "PassedOn",
    "ReferWish", "RegisterWish", "Registrant", "Registration", "Replaces", "Request", "Response", "SessionTimes",
    "SipAgent", "SipDialog", "SipParseError", "SipRefused", "SipUri", "Source", "TransportFailed", "cause_of", "ha1",
    "parse_address", "parse_dialed", "parse_uri", "place_of", "status_of",
]  # fmt: skip

"""An INVITE over UDP is one packet: routers, firewalls and mobile networks lose the pieces of larger ones, and then the
phone never rings."""

from __future__ import annotations

from telephony.live.sip.calling_phone import RINGING_POLICY
from telephony.media.sip_sdp import Negotiation, Place
from telephony.sip import Destination, InviteWish, NameAddr

from .peers import Line, Stranger

PACKET = 1500 - 20 - 8
"""Ethernet's, less the headers of IP and UDP; over DSL and tunnels there is less."""
EDGE = 94
"""What infra/kamailio adds, a Via and a Record-Route, less the Route it takes out: as measured with short addresses."""


async def test_what_makes_a_desk_phone_ring_fits_into_one_packet_also_behind_an_edge(
    alice: Line, stranger: Stranger
) -> None:
    offer = Negotiation(RINGING_POLICY, Place("203.0.113.145", 40_000, 40_001)).offer()
    target = "sip:7byzaszfnx@192.168.178.125:50612;transport=udp;line=sr3bx"
    wish = InviteWish(
        target, NameAddr("sip:+493012345678@192.168.178.125", "Alexandra Mustermann"), offer,
        hop=Destination("UDP", "127.0.0.1", stranger.port), keep_hop=True,
        routes=("<sip:203.0.113.5;lr;received=sip:198.51.100.7:50612>",),
    )  # fmt: skip
    await alice.agent.invite(wish)
    invite = await stranger.request("INVITE")
    assert len(invite.encode()) + EDGE <= PACKET
    stranger.answer(invite, 486)

"""One call between two SIP peers for the media bench: plain RTP in, plain RTP out, nothing decoded."""

from __future__ import annotations

from telephony.media.codecs import PCMA, Codec
from telephony.media.plane import MediaPlane
from telephony.media.rtp_leg import RtpLeg
from telephony.media.sip_sdp import SdpPolicy

_NUMBERS = {"PCMU": 0, "PCMA": 8, "opus": 96}


def rtp_pair(
    plane: MediaPlane, peers: tuple[tuple[str, int], tuple[str, int]], codec: Codec = PCMA
) -> tuple[RtpLeg, RtpLeg]:
    """Two joined legs for peers that send from and hear at these addresses; send to each leg's `place`.

    A leg is on its fast path once the first packet of its peer has come.
    """
    made: list[RtpLeg] = []
    for host, port in peers:
        leg = plane.rtp(SdpPolicy(codecs=(codec,), events=False), toward=host)
        number, channels = _NUMBERS[codec.name], "/2" if codec.name == "opus" else ""
        leg.answer(
            f"v=0\r\no=bench 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {number}\r\na=rtpmap:{number} {codec.name}/{codec.clock_rate}{channels}\r\n"
        )
        made.append(leg)
    first, second = made
    first.forward_to, second.forward_to = second.outbound, first.outbound
    return first, second

"""Descriptions as carriers and phones write them, and a side to answer them with."""

from __future__ import annotations

import base64

from telephony.media.sdes import KEY_BYTES
from telephony.media.sip_sdp import Negotiation, Place, SdpPolicy

CARRIER = "\r\n".join(
    """v=0
o=carrier 12 3 IN IP4 198.51.100.9
s=call
c=IN IP4 198.51.100.9
t=0 0
m=audio 30000 RTP/AVP 18 8 0 101
a=rtpmap:18 G729/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=sendrecv
""".splitlines()
) + "\r\n"  # fmt: skip
PHONE = CARRIER.replace("18 8 0 101", "107 8 101 99").replace(
    "a=rtpmap:18 G729/8000", "a=rtpmap:107 opus/48000/2\r\na=rtpmap:99 telephone-event/48000\r\na=rtcp-mux"
)
KEYS = {suite: base64.b64encode(bytes(range(size))).decode() for suite, size in KEY_BYTES.items()}
SECURE = CARRIER.replace("RTP/AVP", "RTP/SAVP").replace(
    "a=ptime:20",
    "\r\n".join(
        [f"a=crypto:{tag} {suite} inline:{key}|2^31" for tag, (suite, key) in enumerate(KEYS.items(), 1)]
        + ["a=ptime:20"]
    ),
)


def a_side(policy: SdpPolicy | None = None, port: int = 40_000, address: str = "192.0.2.1") -> Negotiation:
    return Negotiation(policy or SdpPolicy(), Place(address, port, port + 1))

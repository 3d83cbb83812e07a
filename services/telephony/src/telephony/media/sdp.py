"""Offers read, answers written (RFC 8866, RFC 9429, RFC 8843).

An offer is whatever a stranger's browser sends, so anything that can't be understood is `SdpInvalid` and
nothing else. The answer takes the first audio section, rejects the others, and speaks Opus and telephone-
event only. Its fmtp line governs the browser's encoder: in-band FEC on, mono, a bitrate cap, no DTX.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceParameters
from aiortc.sdp import MediaDescription, SessionDescription
from kernel.errors import InvalidInput

MAX_OFFER = 64 * 1024
OPUS_FMTP = "minptime=10;useinbandfec=1;stereo=0;usedtx=0;maxaveragebitrate=32000"
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT = re.compile(r"([0-9A-Fa-f]{2}:){31,63}[0-9A-Fa-f]{2}")
_UNUSED = re.compile(r"^a=ssrc[^\n]*\n", re.MULTILINE)
"""Nothing here asks for sources, and the parser's time for them grows with the square of their number."""
_MID = re.compile(r"[!-~]{1,64}")


class SdpInvalid(InvalidInput):
    """The session description can't be used."""

    reason = "SDP_INVALID"


@dataclass(frozen=True)
class Offer:
    """What of a browser's offer matters to us."""

    sections: tuple[tuple[str, str, str], ...]
    """Every section's (kind, profile, mid), in order: the answer must have as many."""
    audio_index: int
    mid: str
    ice: RTCIceParameters
    dtls: RTCDtlsParameters
    opus: int
    events: dict[int, int]
    """Payload type of telephone-event by clock rate."""

    @property
    def dtls_server(self) -> bool:
        """Whether the browser insists on being the DTLS client, so that we have to be the server."""
        return self.dtls.role == "client"


def parse_offer(text: str) -> Offer:
    """The offer in `text`; SdpInvalid for anything malformed or without usable Opus audio."""
    if not text or len(text) > MAX_OFFER:
        raise SdpInvalid("the SDP offer is empty or too long")
    try:
        session = SessionDescription.parse(_UNUSED.sub("", text))
    except Exception as error:
        # The parser raises whatever its string handling raises: ValueError, IndexError, AssertionError.
        raise SdpInvalid("the SDP offer can't be parsed") from error
    for index, media in enumerate(session.media):
        if media.kind == "audio" and media.port != 0:
            return _offer(session, index, media)
    raise SdpInvalid("the SDP offer has no audio section")


def _offer(session: SessionDescription, index: int, media: MediaDescription) -> Offer:
    ice = media.ice or RTCIceParameters()
    username, password = ice.usernameFragment or "", ice.password or ""
    if not _UFRAG.fullmatch(username) or not _PASSWORD.fullmatch(password):
        raise SdpInvalid("the SDP offer has no valid ICE user name and password")
    if media.dtls is None or not _usable_fingerprint(media.dtls.fingerprints):
        raise SdpInvalid("the SDP offer has no usable DTLS fingerprint")
    if not media.rtcp_mux:
        raise SdpInvalid("the SDP offer doesn't multiplex RTCP")
    if media.direction not in ("sendrecv", None):
        raise SdpInvalid("the SDP offer's audio isn't sendrecv")
    opus = _payload_type(media, "audio/opus", 48_000)
    if opus is None:
        raise SdpInvalid("the SDP offer has no Opus")
    events = {
        rate: found
        for rate in (48_000, 8_000)
        if (found := _payload_type(media, "audio/telephone-event", rate)) is not None
    }
    # A line `a=mid` without a value leaves None there.
    sections = tuple((m.kind, m.profile, m.rtp.muxId or "") for m in session.media)
    if not all(mid == "" or _MID.fullmatch(mid) for _, _, mid in sections):
        raise SdpInvalid("the SDP offer has a malformed mid")
    if any(re.search(r"[^\w/.-]", kind + profile) for kind, profile, _ in sections):
        raise SdpInvalid("the SDP offer has a malformed section")
    return Offer(sections, index, media.rtp.muxId or "", ice, media.dtls, opus, events)


def _usable_fingerprint(fingerprints: list[RTCDtlsFingerprint]) -> bool:
    return any(
        f.algorithm.lower() in ("sha-256", "sha-384", "sha-512") and _FINGERPRINT.fullmatch(f.value)
        for f in fingerprints
    )


def _payload_type(media: MediaDescription, mime: str, rate: int) -> int | None:
    for codec in media.rtp.codecs:
        number = codec.payloadType or 0
        if codec.mimeType.lower() == mime and codec.clockRate == rate and 95 < number < 128:
            return number
    return None


def build_answer(
    offer: Offer,
    *,
    username: str,
    password: str,
    fingerprints: list[RTCDtlsFingerprint],
    candidates: list[tuple[str, int]],
    ssrc: int,
    session_id: int,
) -> str:
    """The answer's text, with all candidates and end-of-candidates in it."""
    lines = ["v=0", f"o=- {session_id} 1 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    if offer.mid:
        lines.append(f"a=group:BUNDLE {offer.mid}")
    lines.append("a=msid-semantic:WMS *")
    for index, (kind, profile, mid) in enumerate(offer.sections):
        if index != offer.audio_index:
            lines += [f"m={kind} 0 {profile} 0", "c=IN IP4 0.0.0.0", "a=inactive"]
            lines += [f"a=mid:{mid}"] if mid else []
            continue
        host, port = candidates[0]
        payload_types = [offer.opus, *offer.events.values()]
        lines += [
            f"m=audio {port} {profile} {' '.join(map(str, payload_types))}",
            f"c=IN {'IP6' if ':' in host else 'IP4'} {host}",
            *([f"a=mid:{mid}"] if mid else []),
            "a=sendrecv",
            "a=rtcp-mux",
            f"a=rtpmap:{offer.opus} opus/48000/2",
            f"a=fmtp:{offer.opus} {OPUS_FMTP}",
        ]
        for rate, payload_type in offer.events.items():
            lines += [f"a=rtpmap:{payload_type} telephone-event/{rate}", f"a=fmtp:{payload_type} 0-15"]
        lines += ["a=ptime:20", "a=msid:merkez audio", f"a=ssrc:{ssrc} cname:merkez"]
        lines += [f"a=ice-ufrag:{username}", f"a=ice-pwd:{password}"]
        lines += [f"a=fingerprint:{f.algorithm} {f.value}" for f in fingerprints if f.algorithm == "sha-256"]
        lines.append(f"a=setup:{'passive' if offer.dtls_server else 'active'}")
        for rank, (address, at) in enumerate(candidates):
            # Type preference 126 of RFC 8445 5.1.2.1; earlier addresses first.
            priority = (126 << 24) + ((65535 - rank) << 8) + 255
            lines.append(f"a=candidate:{rank + 1} 1 udp {priority} {address} {at} typ host")
        lines.append("a=end-of-candidates")
    return "\r\n".join(lines) + "\r\n"

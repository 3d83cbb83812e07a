"""Offers of every kind: understood, or SDP_INVALID and nothing else."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from aiortc.rtcdtlstransport import RTCDtlsFingerprint
from aiortc.sdp import SessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st
from telephony.media.sdp import MAX_OFFER, Offer, SdpInvalid, build_answer, parse_offer

CHROME = "\r\n".join(
    """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 ec249e1c-2eeb-49b4-a05e-c179c843894a.local 41587 typ host generation 0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=ice-options:trickle
a=fingerprint:sha-256 CB:44:9A:FA:5B:14:6C:07:25:AE:7A:D5:1C:6B:4B:B6:64:23:EA:96:F2:58:37:8E:D7:4D:30:C8:B1:B3:7E:06
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 CB:44:9A:FA:5B:14:6C:07:25:AE:7A:D5:1C:6B:4B:B6:64:23:EA:96:F2:58:37:8E:D7:4D:30:C8:B1:B3:7E:06
a=setup:actpass
a=mid:1
a=recvonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
""".splitlines()
)


def _answer(offer_text: str) -> str:
    return build_answer(
        parse_offer(offer_text),
        username="wxyz",
        password="p" * 22,
        fingerprints=[RTCDtlsFingerprint("sha-256", "AA:BB")],
        candidates=[("192.0.2.1", 5000), ("127.0.0.1", 5001)],
        ssrc=7,
        session_id=1,
    )


def test_chromes_offer_is_answered_with_opus_and_keypad_events_only() -> None:
    offer = parse_offer(CHROME)
    assert (offer.opus, offer.events) == (111, {48_000: 110, 8_000: 126})
    answer = _answer(CHROME)
    parsed = SessionDescription.parse(answer)
    audio, video = parsed.media
    assert [codec.mimeType for codec in audio.rtp.codecs] == [
        "audio/opus", "audio/telephone-event", "audio/telephone-event",
    ]  # fmt: skip
    assert "useinbandfec=1" in answer and "maxaveragebitrate=" in answer
    assert video.port == 0
    assert "a=group:BUNDLE 0\r\n" in answer
    assert "extmap" not in answer
    assert "a=setup:active" in answer


def test_a_browser_that_insists_on_being_dtls_client_gets_its_way() -> None:
    assert "a=setup:passive" in _answer(CHROME.replace("a=setup:actpass", "a=setup:active"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda s: "", "empty"),
        (lambda s: "hello", "no sections"),
        (lambda s: s.replace("opus/48000/2", "speex/48000/2"), "no Opus"),
        (lambda s: s.replace("a=ice-pwd:abcdefghijklmnopqrstuvwx", ""), "no ICE password"),
        (lambda s: s.replace("a=ice-ufrag:abcd", "a=ice-ufrag:a b\r\na=x"), "malformed user name"),
        (lambda s: s.replace("a=fingerprint:sha-256", "a=fingerprint:md5"), "weak fingerprint"),
        (lambda s: s.replace("a=rtcp-mux", ""), "no RTCP mux"),
        (lambda s: s.replace("a=sendrecv", "a=sendonly"), "one way"),
        (lambda s: s.replace("m=audio 9", "m=audio 0"), "audio rejected"),
        (lambda s: s + "a=x\r\n" * MAX_OFFER, "too long"),
        (lambda s: s.replace("m=audio 9", "m=audio nine"), "port is a word"),
        (lambda s: s.replace("a=candidate:1 1 udp", "a=candidate:1"), "cut candidate"),
    ],
)
def test_an_offer_that_can_not_be_used_is_refused(change, why) -> None:
    with pytest.raises(SdpInvalid):
        parse_offer(change(CHROME))


def _steps(text: str) -> tuple[Offer, int]:
    """The offer, and how many lines of Python were run to read it."""
    steps = 0

    def count(_frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        nonlocal steps
        steps += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        return parse_offer(text), steps
    finally:
        sys.settrace(before)


def test_an_offer_full_of_sources_is_read_as_one_without_and_holds_up_nobodys_audio() -> None:
    sources = "".join(f"a=ssrc:{number} cname:x\r\n" for number in range(10_000))
    full = (CHROME.partition("m=video")[0] + sources)[:MAX_OFFER]
    found, steps = _steps(full.rpartition("\r\n")[0] + "\r\n")
    again, few = _steps(CHROME)
    # A million where each source is looked for among all others.
    assert steps < 10 * few
    assert (found.ice, found.opus, found.events) == (again.ice, again.opus, again.events)


def test_a_section_without_a_name_is_answered_without_one() -> None:
    nameless = parse_offer(CHROME.replace("a=mid:0", "a=mid"))
    assert nameless.mid == "" and nameless.sections[0][2] == ""


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 30))
def test_a_mangled_offer_is_understood_or_refused_but_never_crashes(rng: random.Random, count: int) -> None:
    text = list(CHROME)
    for _ in range(count):
        match rng.randrange(3):
            case 0:
                text[rng.randrange(len(text))] = chr(rng.randrange(1, 0x2FF))
            case 1:
                del text[rng.randrange(len(text))]
            case _:
                start = rng.randrange(len(text))
                text[start:start] = text[start : start + rng.randrange(80)]
    try:
        answer = _answer("".join(text))
    except SdpInvalid:
        return
    # Nothing of the offer may start a line of its own in the answer.
    assert all(line[:2] in ("v=", "o=", "s=", "t=", "m=", "c=", "a=") for line in answer.splitlines())

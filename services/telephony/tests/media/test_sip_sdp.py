"""Offers and answers toward SIP peers: what is agreed, what is refused, and that nothing else ever happens."""

from __future__ import annotations

import base64
import random
import re
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from telephony.media.codecs import OPUS, PCMA, PCMU
from telephony.media.sdp import SdpInvalid
from telephony.media.sdp_sections import MAX_DESCRIPTION, parse
from telephony.media.sip_sdp import MediaNotAcceptable, Negotiation, Place, SdpPolicy

from .sdp_samples import CARRIER, PHONE, SECURE, a_side


def _number(answer: str, name: str) -> int:
    found = re.search(rf"a=rtpmap:(\d+) {name}", answer)
    assert found is not None
    return int(found[1])


def _version(text: str) -> int:
    return int(text.split("o=- ")[1].split()[1])


def test_a_carriers_offer_is_answered_with_one_codec_and_its_digits() -> None:
    side = a_side()
    answer = side.answer(CARRIER)
    assert "m=audio 40000 RTP/AVP 8 101\r\n" in answer and "c=IN IP4 192.0.2.1\r\n" in answer
    agreed = side.agreed
    assert agreed is not None
    assert (agreed.codec, agreed.send_type, agreed.address, agreed.port) == (PCMA, 8, "198.51.100.9", 30_000)
    assert agreed.send_event == (101, 8_000) and agreed.receive_events == {101: 8_000}
    assert agreed.rtcp == ("198.51.100.9", 30_001) and agreed.sends and agreed.receives and not agreed.held


def test_the_order_of_the_policy_decides_and_not_the_peers() -> None:
    side = a_side(SdpPolicy(codecs=(PCMU, PCMA)))
    side.answer(CARRIER)
    assert side.agreed is not None and side.agreed.codec is PCMU


def test_opus_takes_the_digits_of_its_own_clock_and_one_port() -> None:
    side = a_side()
    answer = side.answer(PHONE)
    assert side.agreed is not None
    assert (side.agreed.codec, side.agreed.send_type, side.agreed.send_event) == (OPUS, 107, (99, 48_000))
    assert side.agreed.receive_events == {101: 8_000, 99: 48_000}
    assert side.agreed.rtcp is None and "a=rtcp-mux" in answer and "useinbandfec=1" in answer


def test_what_we_offer_is_what_we_would_answer() -> None:
    ours, theirs = a_side(port=40_000), a_side(port=50_000, address="192.0.2.2")
    ours.apply(theirs.answer(ours.offer()))
    a, b = ours.agreed, theirs.agreed
    assert a is not None and b is not None and a.settled and b.settled
    assert a.codec is b.codec is OPUS and a.address == "192.0.2.2" and a.port == 50_000
    assert a.receive_types == {b.send_type: OPUS} and b.receive_types == {a.send_type: OPUS}


def test_an_answers_own_numbers_are_what_we_send_by() -> None:
    side = a_side()
    offer = side.offer()
    answer = PHONE.replace("107 8 101 99", "111 99").replace("107", "111")
    agreed = side.apply(answer)
    assert agreed.send_type == 111 and agreed.send_event == (99, 48_000)
    assert agreed.receive_types[_number(offer, "opus")] is OPUS
    assert agreed.receive_events[_number(offer, "telephone-event/48000")] == 48_000


def test_an_answer_that_leaves_several_codecs_open_is_narrowed_by_the_next_offer() -> None:
    side = a_side(SdpPolicy(codecs=(PCMA, PCMU)))
    side.offer()
    agreed = side.apply(CARRIER)
    assert not agreed.settled and agreed.receive_types == {8: PCMA, 0: PCMU}
    assert "RTP/AVP 8 101\r\n" in side.offer()


def test_a_codec_once_agreed_stays_while_the_peer_still_has_it() -> None:
    side = a_side()
    side.answer(CARRIER)
    side.answer(PHONE)
    assert side.agreed is not None and side.agreed.codec is PCMA
    side.answer(PHONE.replace("107 8 101 99", "107 101 99"))
    assert side.agreed.codec is OPUS


def test_numbers_keep_their_meaning_in_our_later_offers() -> None:
    side = a_side()
    side.answer(PHONE.replace("101", "96"))
    offer = side.offer()
    assert (_number(offer, "opus"), _number(offer, "telephone-event/8000")) == (107, 96)


@pytest.mark.parametrize(
    ("theirs", "ours", "held"),
    [("sendrecv", "sendrecv", False), ("sendonly", "recvonly", True), ("recvonly", "sendonly", False),
     ("inactive", "inactive", True)],
)  # fmt: skip
def test_hold_is_answered_by_its_counterpart(theirs: str, ours: str, held: bool) -> None:
    side = a_side()
    answer = side.answer(CARRIER.replace("a=sendrecv", f"a={theirs}"))
    assert f"a={ours}\r\n" in answer
    assert side.agreed is not None and side.agreed.held is held
    assert side.agreed.sends is ("send" in ours)


def test_hold_by_the_address_zero_is_hold() -> None:
    side = a_side()
    side.answer(CARRIER.replace("c=IN IP4 198.51.100.9", "c=IN IP4 0.0.0.0"))
    assert side.agreed is not None
    assert side.agreed.held and not side.agreed.sends and side.agreed.address is None


def test_a_direction_of_the_session_counts_until_the_section_has_its_own() -> None:
    side = a_side()
    side.answer(CARRIER.replace("t=0 0", "t=0 0\r\na=sendonly").replace("a=sendrecv\r\n", ""))
    assert side.agreed is not None and side.agreed.held
    side.answer(CARRIER.replace("t=0 0", "t=0 0\r\na=sendonly"))
    assert not side.agreed.held


def test_hold_and_resume_of_ours_go_out_in_new_versions_and_stay_out_when_refused() -> None:
    ours, theirs = a_side(), a_side(port=50_000)
    first = ours.offer()
    ours.apply(theirs.answer(first))
    hold = ours.offer("sendonly")
    assert "a=sendonly" in hold and _version(hold) == _version(first) + 1
    ours.withdraw()
    assert ours.direction == "sendrecv" and "a=sendrecv" in ours.offer()
    assert ours.apply(theirs.answer(ours.offer("sendonly"))).direction == "sendonly"
    assert theirs.agreed is not None and theirs.agreed.held


def test_a_description_that_says_the_same_keeps_its_version() -> None:
    side = a_side()
    assert side.answer(CARRIER) == side.answer(CARRIER)
    assert _version(side.answer(CARRIER.replace("sendrecv", "sendonly"))) == 2


def test_other_sections_are_refused_in_their_places_also_later() -> None:
    offer = (
        CARRIER.replace("m=audio", "m=video 5000 RTP/AVP 96\r\nm=audio")
        + "m=audio 30010 RTP/AVP 0\r\nm=image 4000 udptl t38\r\n"
    )
    side = a_side()
    for text in (side.answer(offer), side.offer()):
        lines = [line for line in text.splitlines() if line.startswith("m=")]
        assert lines[0] == "m=video 0 RTP/AVP 96" and lines[1].startswith("m=audio 40000 ")
        assert lines[2:] == ["m=audio 0 RTP/AVP 0", "m=image 0 udptl t38"]


def test_the_first_audio_that_is_acceptable_is_taken() -> None:
    offer = CARRIER.replace("m=audio 30000 RTP/AVP 18 8 0 101", "m=audio 20000 RTP/AVP 18\r\nm=audio 30000 RTP/AVP 8")
    side = a_side()
    side.answer(offer)
    assert side.agreed is not None and side.agreed.port == 30_000


def test_addresses_of_the_section_and_of_rtcp_are_followed() -> None:
    side = a_side()
    side.answer(CARRIER.replace("a=ptime", "c=IN IP4 198.51.100.20\r\na=rtcp:30555 IN IP4 198.51.100.21\r\na=ptime"))
    assert side.agreed is not None
    assert side.agreed.address == "198.51.100.20" and side.agreed.rtcp == ("198.51.100.21", 30_555)


def test_ipv6_meets_ipv6_only() -> None:
    offer = CARRIER.replace("IN IP4 198.51.100.9", "IN IP6 2001:db8::9")
    side = a_side(address="2001:db8::1")
    assert "c=IN IP6 2001:db8::1" in side.answer(offer)
    assert side.agreed is not None and side.agreed.address == "2001:db8::9"
    with pytest.raises(MediaNotAcceptable):
        a_side().answer(offer)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.replace("18 8 0 101", "18 101"),
        lambda s: s.replace("m=audio 30000", "m=audio 0"),
        lambda s: s.replace("m=audio", "m=video"),
        lambda s: s.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF"),
        lambda s: s.replace("RTP/AVP", "RTP/SAVP"),
        lambda s: s.replace("c=IN IP4 198.51.100.9", "c=IN IP4 media.example.com"),
        lambda s: s.replace("c=IN IP4 198.51.100.9", "c=IN IP4 224.0.0.9"),
        lambda s: s.replace("c=IN IP4 198.51.100.9\r\n", ""),
        lambda s: s.replace("a=ptime:20", "a=maxptime:10"),
    ],
)
def test_an_offer_without_audio_for_us_is_not_acceptable(change) -> None:
    with pytest.raises(MediaNotAcceptable):
        a_side().answer(change(CARRIER))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: "",
        lambda s: "hello",
        lambda s: s.replace("v=0", "v=1"),
        lambda s: s.replace("30000", "99999"),
        lambda s: s.replace("30000", "53"),
        lambda s: s.replace("30000", "word"),
        lambda s: s.replace("a=ptime", "Ptime"),
        lambda s: s + "a=x\r\n" * MAX_DESCRIPTION,
        lambda s: s + "m=audio 4000 RTP/AVP 0\r\n" * 16,
    ],
)
def test_an_offer_that_breaks_the_grammar_is_invalid(change) -> None:
    with pytest.raises(SdpInvalid):
        a_side().answer(change(CARRIER))


def test_a_refused_offer_leaves_what_was_agreed() -> None:
    side = a_side()
    side.answer(CARRIER)
    before = side.agreed
    with pytest.raises(MediaNotAcceptable):
        side.answer(CARRIER.replace("m=audio 30000 RTP/AVP 18 8 0 101", "m=image 4000 udptl t38"))
    assert side.agreed is before


# -- taken over --------------------------------------------------------------------------------------------------


def test_another_node_goes_on_with_the_session_from_its_own_place() -> None:
    policy = SdpPolicy(srtp="require")
    first, peer = a_side(policy), a_side(policy, port=50_000, address="192.0.2.2")
    offer = peer.offer()
    answer = first.answer(offer)
    peer.apply(answer)
    state = first.state()
    assert first.agreed is not None and first.agreed.keys is not None
    assert base64.b64encode(first.agreed.keys[0].key).decode() not in str(state)
    second = Negotiation.resumed(policy, Place("192.0.2.7", 44_000, 44_001), state)
    again = second.offer()
    assert again.split()[1:3] == answer.split()[1:3] and _version(again) == _version(answer) + 1
    assert _number(again, "opus") == _number(answer, "opus")
    second.apply(peer.answer(again))
    assert peer.agreed is not None and peer.agreed.address == "192.0.2.7" and peer.agreed.port == 44_000


def test_the_codec_in_use_is_offered_first_by_who_takes_over() -> None:
    first = a_side()
    first.answer(CARRIER)
    second = Negotiation.resumed(SdpPolicy(), first.place, first.state())
    assert re.search(r"m=audio 40000 RTP/AVP 8 ", second.offer())


# -- anything at all ---------------------------------------------------------------------------------------------

_KEPT = [
    "v=0\r\nm=audio 30000 RTP/AVP 8\r\nc=IN IP4 ::ffff:1.2.3.4\r\n",
    "v=0\r\nm=audio 30000 RTP/AVP 8\r\nc=IN IP6 fe80::1%0\r\n",
    "v=0\r\nm=audio ٣٠٠٠٠ RTP/AVP 8\r\n",
    "v=0\r\nm=audio 30000 RTP/AVP ² 8\r\nc=IN IP4 198.51.100.9\r\n",
    "v=0\r\nm=audio 30000 RTP/AVP 8\r\nc=IN IP4 198.51.100.9\r\na=maxptime:²\r\n",
    "v=0\r\nm=audio 30000 RTP/AVP 999999999999\r\nc=IN IP4 1.2.3.4\r\n",
    "v=0\r\nt=1 2\x0b3\r\nm=audio 30000 RTP/AVP 8\r\nc=IN IP4 198.51.100.9\r\n",
    "v=0\r\nm=audio 30000 RTP/AVP 96 96\r\nc=IN IP4 198.51.100.9\r\na=rtpmap:96 opus/48000\r\na=rtpmap:96 pcma/8000",
]  # Each one broke, or could break, an earlier parser.


@pytest.mark.parametrize("text", _KEPT)
def test_kept_oddities_are_understood_or_refused(text: str) -> None:
    _try(text)


def _try(text: str) -> None:
    for policy in (SdpPolicy(), SdpPolicy(srtp="prefer")):
        side = a_side(policy)
        try:
            answer = side.answer(text)
        except SdpInvalid:
            continue
        # Nothing of the offer may start a line of its own in the answer, and the answer is one we'd understand.
        assert all(re.fullmatch(r"[vosctma]=[ -~]*", line) for line in answer.split("\r\n")[:-1])
        assert len(parse(answer).sections) == len(parse(text).sections)
    other = a_side()
    other.offer()
    try:
        agreed = other.apply(text)
    except SdpInvalid:
        return
    assert agreed.codec in SdpPolicy().codecs and 0 <= agreed.send_type < 128


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([CARRIER, PHONE, SECURE]), st.randoms(use_true_random=False), st.integers(1, 25))
def test_a_mangled_description_is_understood_or_refused_but_never_crashes(
    text: str, rng: random.Random, count: int
) -> None:
    letters = list(text)
    for _ in range(count):
        at = rng.randrange(len(letters))
        match rng.randrange(4):
            case 0:
                letters[at] = chr(rng.randrange(1, 0x2FF))
            case 1:
                del letters[at]
            case 2:
                letters[at] = rng.choice("0123456789:/ =\r\n")
            case _:
                start = rng.randrange(len(letters))
                letters[at:at] = letters[start : start + rng.randrange(80)]
    _try("".join(letters))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
@example("v=0\nm=audio 1024 RTP/AVP 0\nc=IN IP4 0.0.0.0")
def test_any_text_is_understood_or_refused(text: str) -> None:
    _try("v=0\r\n" + text)
    _try(text)


def test_events_can_be_left_out_by_policy() -> None:
    side = a_side(replace(SdpPolicy(), events=False))
    assert "telephone-event" not in side.answer(CARRIER) + side.offer()
    assert side.agreed is not None and side.agreed.send_event is None

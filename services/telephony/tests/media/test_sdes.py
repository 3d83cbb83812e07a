"""SRTP keys in descriptions: agreed on, refused, renewed."""

from __future__ import annotations

import re

import pytest
from telephony.media.sdes import KEY_BYTES, parse_crypto
from telephony.media.sip_sdp import MediaNotAcceptable, SdpPolicy

from .sdp_samples import CARRIER, KEYS, SECURE, a_side


@pytest.mark.parametrize("suite", KEY_BYTES)
def test_each_suite_is_agreed_with_a_key_each_way(suite: str) -> None:
    policy = SdpPolicy(srtp="require", suites=(suite,))
    ours, theirs = a_side(policy), a_side(policy, port=50_000)
    offer = ours.offer()
    assert "RTP/SAVP " in offer and offer.count("a=crypto:") == 1
    ours.apply(theirs.answer(offer))
    assert ours.agreed is not None and theirs.agreed is not None
    assert ours.agreed.keys is not None and theirs.agreed.keys is not None
    assert ours.agreed.keys == theirs.agreed.keys[::-1]
    assert ours.agreed.keys[0].key != ours.agreed.keys[1].key
    assert KEYS[suite] not in repr(theirs.agreed) and len(ours.agreed.keys[0].key) == KEY_BYTES[suite]


def test_who_prefers_srtp_gets_it_from_who_can_and_plain_from_who_can_not() -> None:
    prefer = SdpPolicy(srtp="prefer")
    ours, able = a_side(prefer), a_side(prefer, port=50_000)
    offer = ours.offer()
    assert "RTP/AVP " in offer and "a=crypto:1 AEAD_AES_256_GCM inline:" in offer
    assert ours.apply(able.answer(offer)).keys is not None
    unable = a_side(port=50_000)
    ours = a_side(prefer)
    assert ours.apply(unable.answer(ours.offer())).keys is None
    assert "a=crypto" not in ours.offer()


def test_who_prefers_srtp_takes_the_secure_section_of_two() -> None:
    offer = CARRIER + SECURE.split("t=0 0\r\n")[1].replace("30000", "31000")
    side = a_side(SdpPolicy(srtp="prefer"))
    answer = side.answer(offer)
    assert side.agreed is not None and side.agreed.port == 31_000 and side.agreed.keys is not None
    assert "m=audio 0 RTP/AVP 18 8 0 101" in answer


def test_who_requires_srtp_refuses_plain_and_who_never_does_refuses_secure() -> None:
    with pytest.raises(MediaNotAcceptable):
        a_side(SdpPolicy(srtp="require")).answer(CARRIER)
    with pytest.raises(MediaNotAcceptable):
        a_side(SdpPolicy(srtp="never")).answer(SECURE)
    with pytest.raises(MediaNotAcceptable):
        side = a_side(SdpPolicy(srtp="require"))
        side.offer()
        side.apply(CARRIER)


def test_an_answer_must_take_up_exactly_one_key_of_the_offer() -> None:
    for change in (
        lambda s: s.replace("crypto:1", "crypto:9"),
        lambda s: s.replace("crypto:1 AEAD_AES_256_GCM", "crypto:2 AEAD_AES_256_GCM"),
        lambda s: re.sub(r"(a=crypto:1 .*\r\n)", r"\1\1", s),
        lambda s: re.sub(r"a=crypto:1 .*\r\n", "", s),
    ):
        policy = SdpPolicy(srtp="require")
        ours, theirs = a_side(policy), a_side(policy, port=50_000)
        answer = theirs.answer(ours.offer())
        with pytest.raises(MediaNotAcceptable):
            ours.apply(change(answer))


_KEY = KEYS["AES_CM_128_HMAC_SHA1_80"]


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY}", True),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY}|2^31", True),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY}|2^48 WSH=128 -X=1", True),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY}|1048576", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY}|2^49", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY}|1:4", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY}|2^31|1:4", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY};inline:{_KEY}", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY} KDR=1", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY} UNENCRYPTED_SRTP", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{_KEY[:-4]}", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{'%' * 40}", False),
        (f"1 F8_128_HMAC_SHA1_80 inline:{_KEY}", False),
        ("1 AES_CM_128_HMAC_SHA1_80", False),
        ("", False),
    ],
)
def test_a_key_with_conditions_we_do_not_keep_is_passed_over(value: str, taken: bool) -> None:
    assert (parse_crypto(value) is not None) is taken


def test_a_session_refresh_keeps_our_key_and_a_new_end_gets_a_new_one() -> None:
    side = a_side(SdpPolicy(srtp="require"))
    side.answer(SECURE)
    assert side.agreed is not None and side.agreed.keys is not None
    first = side.agreed.keys[0]
    side.answer(SECURE.replace("sendrecv", "sendonly"))
    assert side.agreed.keys[0] == first
    side.answer(SECURE.replace("30000", "30002"))
    assert side.agreed.keys[0].key != first.key

"""Whose packets a SIP leg believes, case by case."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from telephony.media.source_filter import SourceFilter

SAID = ("198.51.100.9", 30_000)
BESIDE = ("198.51.100.9", 41_000)
ELSEWHERE = ("203.0.113.5", 5_000)
STRANGER = ("192.0.2.66", 6_666)


def _filter(*, nat: bool = False, at: float = 0.0) -> SourceFilter:
    made = SourceFilter(nat=nat, window_seconds=5.0)
    made.expect(SAID, at)
    return made


def _say(made: SourceFilter, address, count: int, now: float, *, ssrc: int = 7, first: int = 100) -> list[bool]:
    return [made.admit(address, ssrc, (first + index) & 0xFFFF, now) for index in range(count)]


def test_nobody_is_heard_before_anything_is_negotiated() -> None:
    made = SourceFilter(nat=True, window_seconds=5.0)
    assert _say(made, STRANGER, 20, 1.0) == [False] * 20
    assert made.target is None and made.strangers == 20


def test_who_sends_from_where_it_said_is_heard_at_any_time() -> None:
    made = _filter()
    assert made.admit(SAID, 1, 1, 100.0) and made.settled and made.target == SAID


def test_a_peer_met_in_public_is_sent_nothing_inside_our_network() -> None:
    inside = ("10.0.0.5", 4_000)
    for home, target in (("8.8.8.8", None), ("10.9.9.9", inside), ("", inside)):
        made = SourceFilter(nat=True, window_seconds=5.0, home=home)
        made.expect(inside, 0.0)
        assert made.target == target
        assert made.admit(("8.8.8.8", 4_000), 1, 1, 1.0, proven=True)
        assert made.target == ("8.8.8.8", 4_000), "where it sends from it is answered"


def test_another_port_of_the_host_is_heard_but_not_sent_to_unless_it_is_behind_nat() -> None:
    for nat, target in ((False, SAID), (True, BESIDE)):
        made = _filter(nat=nat)
        assert made.admit(BESIDE, 1, 1, 1.0)
        assert made.source == BESIDE and made.target == target and not made.settled
        assert not _filter(nat=nat).admit(BESIDE, 1, 1, 6.0)


def test_an_unknown_source_is_believed_behind_nat_after_five_packets_in_a_row() -> None:
    made = _filter(nat=True)
    assert _say(made, ELSEWHERE, 6, 1.0, first=65_533) == [False] * 4 + [True] * 2
    assert made.target == ELSEWHERE
    assert not any(_say(_filter(), ELSEWHERE, 20, 1.0))
    assert not any(_say(_filter(nat=True), ELSEWHERE, 20, 5.1))


def test_who_is_found_can_not_be_replaced_by_a_stranger() -> None:
    made = _filter(nat=True)
    _say(made, ELSEWHERE, 5, 1.0)
    assert not any(_say(made, STRANGER, 20, 1.5))
    assert made.source == ELSEWHERE


def test_a_stranger_who_was_first_gives_way_to_the_host_the_phone_signals_from() -> None:
    made = SourceFilter(nat=True, window_seconds=5.0, home=ELSEWHERE[0])
    made.expect(SAID, 0.0)
    assert _say(made, STRANGER, 6, 0.5)[-1], "there may be phones that are known by nothing else"
    made.close()
    assert made.admit(ELSEWHERE, 9, 1, 7.0) and made.target == ELSEWHERE
    assert not any(_say(made, STRANGER, 20, 7.1))
    assert not made.admit((ELSEWHERE[0], 7_777), 9, 2, 7.2), "found is found"


def test_a_phone_at_the_host_it_signals_from_is_heard_from_its_first_packet() -> None:
    made = SourceFilter(nat=True, window_seconds=5.0, home=ELSEWHERE[0])
    made.expect(SAID, 0.0)
    assert made.admit(ELSEWHERE, 1, 1, 1.0)
    assert not any(_say(made, STRANGER, 20, 1.5))
    trunk = SourceFilter(nat=False, window_seconds=5.0, home=ELSEWHERE[0])
    trunk.expect(SAID, 0.0)
    assert not trunk.admit(ELSEWHERE, 1, 1, 1.0)


def test_a_stranger_in_between_does_not_keep_the_peer_from_being_found() -> None:
    made = _filter(nat=True)
    heard = []
    for step in range(8):
        made.admit(STRANGER, 1, (step * 7919) & 0xFFFF, 1.0)
        heard += _say(made, ELSEWHERE, 1, 1.0, first=step)
    assert heard[-1] and made.source == ELSEWHERE


def test_after_a_move_the_old_source_is_heard_until_the_new_one_is_or_the_window_is_over() -> None:
    made = _filter()
    made.admit(SAID, 1, 1, 1.0)
    assert made.expect(ELSEWHERE, 10.0)
    assert made.admit(SAID, 1, 2, 10.1) and made.target == ELSEWHERE
    assert made.admit(ELSEWHERE, 2, 1, 10.2)
    assert not made.admit(SAID, 1, 3, 10.3)
    assert made.expect(SAID, 20.0)
    made.close()
    assert not made.admit(ELSEWHERE, 2, 2, 26.0)


def test_after_a_move_within_the_host_the_old_source_is_not_taken_for_the_new_one() -> None:
    made = _filter()
    made.admit(SAID, 1, 1, 1.0)
    made.expect((SAID[0], 30_002), 10.0)
    assert made.admit(SAID, 1, 2, 10.1)
    assert made.admit(BESIDE, 2, 1, 10.2) and made.source == BESIDE


def test_the_same_place_again_changes_nothing_unless_a_nat_forgot_it() -> None:
    made = _filter(nat=True)
    _say(made, ELSEWHERE, 5, 1.0)
    assert not made.expect(SAID, 10.0, silent_seconds=0.1)
    assert made.source == ELSEWHERE
    assert made.expect(SAID, 10.0, silent_seconds=3.0)
    assert not made.expect(None, 11.0)


def test_who_holds_the_key_is_believed_wherever_it_is_but_only_within_the_window() -> None:
    made = _filter()
    assert made.admit(ELSEWHERE, 1, 1, 1.0, proven=True)
    assert not _filter().admit(ELSEWHERE, 1, 1, 6.0, proven=True)


_step = st.tuples(
    st.sampled_from([ELSEWHERE, STRANGER, BESIDE]), st.integers(0, 3), st.integers(0, 65535), st.floats(0, 20)
)


@given(st.lists(_step, max_size=60))
def test_without_nat_no_other_host_is_ever_heard(steps) -> None:
    made = _filter()
    for address, ssrc, sequence, now in steps:
        heard = made.admit(address, ssrc, sequence, now)
        assert not heard or address == BESIDE
        assert made.target == SAID

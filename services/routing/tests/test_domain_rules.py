"""Rules of a queue that can't work are refused when they are saved, with the place of the fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from kernel.errors import InvalidInput
from kernel.ids import new_id
from routing.domain.overflow import Overflow, OverflowRule, Trigger
from routing.domain.requirements import both, of_levels, parsed
from routing.domain.rule_checks import check_rules
from routing.domain.rules import Change, ChangeKind, Level, Rules, Step, Strategy, Weights

from .boards import EPOCH, after

FRENCH = of_levels([("fr", 4)])
OLGA, OMAR = new_id("usr", EPOCH), new_id("usr", EPOCH)
REMOVE, HELP = Change(ChangeKind.REMOVE, "fr"), Change(ChangeKind.ALSO_QUEUE, queue_id="r")


def relaxing(*steps: Step) -> Rules:
    return Rules(steps=steps)


def expecting(seconds: float, *changes: Change) -> Step:
    return Step(changes, expected_over=timedelta(seconds=seconds))


def on_list(*levels: Level) -> Rules:
    return Rules(Strategy.LIST, levels=levels)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (relaxing(after(60, Change(ChangeKind.REMOVE, "en"))), "steps[0].changes[0] is about en, which is not asked"),
        (relaxing(after(60, REMOVE), after(90, REMOVE)), "steps[1].changes[0] is about fr, which is not asked"),
        (relaxing(after(60, REMOVE), after(60, Change(ChangeKind.ALSO, expression="en"))), "steps[1].after_wait"),
        (relaxing(after(60, Change(ChangeKind.LOWER, "fr", level=5))), "steps[0].changes[0] changes nothing"),
        (relaxing(after(60, Change(ChangeKind.ALSO, expression="fr >= 5"))), "steps[0].changes[0] changes nothing"),
        (relaxing(after(60, Change(ChangeKind.REQUIRE, expression="not fr"))), "steps[0].changes[0] contradicts"),
        (relaxing(after(60, Change(ChangeKind.LOWER, "fr", level=0))), "steps[0].changes[0].proficiency"),
        (relaxing(after(60, Change(ChangeKind.ALSO_QUEUE, queue_id="q"))), "is this queue itself"),
        (
            relaxing(after(9, HELP), after(10, HELP)),
            "steps[1].changes[0].also_queue_id was added by an earlier step",
        ),
        (relaxing(after(60)), "steps[0].changes must be 1 to 20"),
        (relaxing(Step((REMOVE,))), "steps[0] needs either after_wait or expected_wait_over"),
        (relaxing(after(0.5, REMOVE)), "steps[0].after_wait must be 1 second"),
        (relaxing(*(after(n + 1, REMOVE) for n in range(51))), "more than 50 steps"),
        (on_list(), "levels must name at least one level"),
        (on_list(Level(())), "levels[0].agent_ids names nobody"),
        (on_list(Level((OLGA,)), Level((OMAR, OLGA))), "levels[1].agent_ids[1] stands on the list twice"),
        (on_list(Level(("usr_x",))), "levels[0].agent_ids[0] is not the id of a user"),
        (Rules(levels=(Level((OLGA,)),)), "goes with the strategy LIST alone"),
        (Rules(point=timedelta(days=2)), "point_wait"),
        (Rules(acceleration=float("nan")), "points_per_minute"),
        (Rules(most_points=101), "most_points"),
        (Rules(weights=Weights(cost=-1)), "weights.cost"),
        (Rules(preferred_wait=timedelta(hours=2)), "preferred_wait"),
        (Rules(Strategy.WEIGHTED, weights=Weights(0, 0, 0, 0)), "weights are all 0"),
        (Rules(acceleration=5, point=timedelta(0)), "points_per_minute changes nothing"),
        (Rules(acceleration=5, most_points=0), "points_per_minute changes nothing"),
        (
            relaxing(after(60, Change(ChangeKind.REQUIRE, expression="fr <= 2 or en"))),
            "steps[0].changes[0].require has a part that can never hold",
        ),
    ],
)  # fmt: skip
def test_rules_that_can_not_work_are_refused_with_the_place_of_the_fault(rules: Rules, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_rules(rules, FRENCH, "q", "queue.rules")
    assert said in str(caught.value)


NUMBER = OverflowRule(Trigger.AFTER_WAIT, timedelta(seconds=60), number="+994125550100")
WAYS_OUT = [(Overflow(max_wait=timedelta(seconds=60)), "AFTER_MAX_WAIT"), (Overflow((NUMBER,)), "AFTER_OVERFLOW")]


@pytest.mark.parametrize(("overflow", "code"), WAYS_OUT)
def test_what_would_come_once_nobody_waits_any_more_is_refused(overflow: Overflow, code: str) -> None:
    wait = timedelta(seconds=60)
    late, soon = relaxing(after(30, Change(ChangeKind.ALSO, expression="en")), after(60, REMOVE)), after(59, REMOVE)
    for rules, place in (
        (late, "steps[1].after_wait"),
        (on_list(Level((OLGA,), wait / 2), Level((OMAR,), wait / 2), Level((new_id("usr", EPOCH),))), "levels[2]"),
    ):
        with pytest.raises(InvalidInput) as caught:
            check_rules(rules, FRENCH, "q", "queue.rules", overflow=overflow)
        assert caught.value.metadata["fault"] == code and caught.value.fields[0].field == f"queue.rules.{place}"
        assert check_rules(rules, FRENCH, "q", "queue.rules") is rules
    in_time = relaxing(soon, expecting(600, Change(ChangeKind.ALSO_QUEUE, queue_id="r")))
    assert check_rules(in_time, FRENCH, "q", "queue.rules", overflow=overflow) is in_time


def test_preferred_agent_does_not_keep_a_contact_to_the_end_of_its_wait() -> None:
    minute = timedelta(seconds=60)
    rules = Rules(preferred_wait=minute)
    for overflow, code in WAYS_OUT:
        with pytest.raises(InvalidInput) as caught:
            check_rules(rules, FRENCH, "q", "queue.rules", overflow=overflow)
        assert caught.value.metadata["fault"] == code and caught.value.fields[0].field == "queue.rules.preferred_wait"
        in_time = Rules(preferred_wait=minute / 2)
        assert check_rules(in_time, FRENCH, "q", "queue.rules", overflow=overflow) is in_time
    assert check_rules(Rules(), FRENCH, "q", "queue.rules", overflow=Overflow(max_wait=timedelta(seconds=5)))


def test_step_for_an_expected_wait_that_nobody_stays_for_is_refused() -> None:
    sends_on = Overflow((OverflowRule(Trigger.EXPECTED_WAIT, timedelta(seconds=60), number="+994125550100"),))
    for seconds, refused in ((59, False), (60, True), (300, True)):
        rules = relaxing(expecting(seconds, REMOVE))
        if not refused:
            assert check_rules(rules, FRENCH, "q", "queue.rules", overflow=sends_on) is rules
            continue
        with pytest.raises(InvalidInput) as caught:
            check_rules(rules, FRENCH, "q", "queue.rules", overflow=sends_on)
        assert caught.value.fields[0].field == "queue.rules.steps[0].expected_wait_over"
        assert caught.value.metadata == {"fault": "AFTER_OVERFLOW", "rule": "1"}


def test_part_of_a_queues_expression_that_its_list_of_skills_rules_out_is_refused() -> None:
    for text, refused in (("fr <= 2 or sales", True), ("fr >= 5 or sales", False), ("sales or support", False)):
        asked = both(FRENCH, parsed(text, lambda name: name, "it"))
        rules = Rules(requirement=text)
        if not refused:
            assert check_rules(rules, asked, "q", "queue.rules", listed=FRENCH) is rules
            continue
        with pytest.raises(InvalidInput, match="part that can never hold") as caught:
            check_rules(rules, asked, "q", "queue.rules", listed=FRENCH)
        assert caught.value.fields[0].field == "queue.rules.requirement"


def test_agents_of_another_queue_are_not_called_for_where_anybody_may_take_it_already() -> None:
    for rules, everybody, code in (
        (relaxing(after(60, HELP)), True, "OPEN_ALREADY"),
        (replace(on_list(Level((OLGA,))), steps=(after(60, HELP),)), False, "LIST_ALONE"),
    ):
        with pytest.raises(InvalidInput, match="changes nothing") as caught:
            check_rules(rules, FRENCH, "q", "queue.rules", open_to_all=everybody)
        assert caught.value.metadata["fault"] == code


def test_skill_that_agents_must_not_have_is_not_swapped_for_one_they_must() -> None:
    not_trainee = parsed("sales and not trainee", lambda name: name, "it")
    swap = relaxing(after(60, Change(ChangeKind.SWAP, "trainee", "disputes", 3)))
    with pytest.raises(InvalidInput, match=r"steps\[0\].changes\[0\] is about trainee, which nobody needs"):
        check_rules(swap, not_trainee, "q", "queue.rules")


def test_fault_is_told_with_what_a_page_needs_to_say_it_in_its_own_words() -> None:
    for rules, told in (
        (relaxing(after(60, REMOVE), after(30, HELP)), {"fault": "STEP_NOT_LATER", "step": "1"}),
        (Rules(ring_agents=0), {"fault": "NUMBER", "least": "1", "most": "20"}),
        (Rules(preferred_wait=timedelta(days=1)), {"fault": "LENGTH", "least_seconds": "0", "most_seconds": "3600"}),
    ):
        with pytest.raises(InvalidInput) as caught:
            check_rules(rules, FRENCH, "q", "queue.rules")
        assert caught.value.metadata == told and len(caught.value.fields) == 1


def test_steps_may_come_by_wait_and_by_expected_wait_in_any_mixture() -> None:
    rules = relaxing(
        after(30, Change(ChangeKind.LOWER, "fr", level=2)),
        expecting(120, Change(ChangeKind.ALSO, expression="en and translator")),
        after(60, Change(ChangeKind.SWAP, "fr", "es", 1), Change(ChangeKind.ALSO_QUEUE, queue_id="other")),
        after(90, Change(ChangeKind.REPLACE)),
    )
    assert check_rules(rules, FRENCH, "q", "queue.rules") is rules
    assert rules.skills_named == {"fr", "en", "translator", "es"} and rules.queues_named == {"other"}


def test_queue_that_nobody_could_ever_serve_is_refused() -> None:
    with pytest.raises(InvalidInput, match="contradict each other"):
        check_rules(replace(Rules(), requirement="not fr"), (), "q", "queue.rules")

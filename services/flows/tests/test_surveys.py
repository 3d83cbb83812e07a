"""What callers answered to surveys: kept once, added up by question, day and brand, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from chassis.auth import acting_as
from flows.domain.survey_reports import SurveyDay, Tally, added_up
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import Forbidden, InvalidInput
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import survey_service_pb2 as sv
from testkit import someone

from .conftest import flow_of, said, say

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def tally(value: int, count: int, at: datetime = NOON, comments: int = 0, question: str = "csat") -> Tally:
    return Tally("flw_1", question, value, 1, 5, at, count, comments)


def test_average_is_of_all_answers_and_days_are_those_of_the_zone() -> None:
    late = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)
    found = added_up(
        [tally(5, 3), tally(2, 1, late, 1), tally(9, 1, question="nps")], {"flw_1": "Main"}, ZoneInfo("Asia/Baku")
    )
    csat, nps = found
    assert (csat.question_id, csat.count, csat.average, csat.comments) == ("csat", 4, 4.25, 1)
    assert dict(csat.counts) == {2: 1, 5: 3} and (csat.lowest, csat.highest) == (1, 5)
    assert csat.days == [SurveyDay(NOON.date(), 3, 5.0), SurveyDay(NOON.date() + timedelta(days=1), 1, 2.0)]
    assert (nps.question_id, nps.flow_name, nps.average) == ("nps", "Main", 9.0)
    assert added_up([], {}, ZoneInfo("UTC")) == []


def asked(house: Any, **more: Any) -> sv.SurveyFilter:
    begin, end = Timestamp(), Timestamp()
    begin.FromDatetime(house.clock.now() - timedelta(days=1))
    end.FromDatetime(house.clock.now() + timedelta(days=1))
    return sv.SurveyFilter(from_time=begin, to_time=end, **more)


async def rated(house: Any, value: str, brand_id: str, comment: float = 0) -> pb.Flow:
    survey = pb.Survey(utterance=said("1 to 5?"), question_id="csat", lowest=1, highest=5, next="why")
    mailbox = pb.Voicemail(utterance=said("Why?"), queue_id=house.routing.queue_id, next="bye")
    draft = flow_of(
        pb.Step(step_id="rate", survey=survey), pb.Step(step_id="why", voicemail=mailbox), say("bye", "Thanks.")
    )
    flow = house.kept = getattr(house, "kept", None) or await house.publish(draft)
    question = await house.start(flow.flow_id, brand_id=brand_id)
    await house.advance(question, "DIGITS", value)
    # Once more, as a node does that died before it heard.
    mailbox_order = await house.advance(question, "DIGITS", value)
    if comment:
        await house.advance(mailbox_order, "RECORDED", duration=Duration(seconds=int(comment)))
    return flow


async def test_answers_are_added_up_and_listed_by_brand_with_their_comments(house: Any) -> None:
    ours, theirs = house.fresh("brd"), house.fresh("brd")
    flow = await rated(house, "5", ours, 12)
    await rated(house, "2", ours)
    await rated(house, "1", theirs)
    with house.as_admin():
        report = await house.surveys.GetSurveyReport(sv.GetSurveyReportRequest(filter=asked(house)))
        (question,) = report.questions
        assert (question.flow_id, question.flow_name, question.question_id) == (flow.flow_id, "Main", "csat")
        assert (question.count, round(question.average, 3), question.comment_count) == (3, 2.667, 1)
        assert [(each.value, each.count) for each in question.counts] == [(1, 1), (2, 1), (5, 1)]
        brand = sv.GetSurveyReportRequest(filter=asked(house, brand_id=ours), time_zone="Asia/Baku")
        assert (await house.surveys.GetSurveyReport(brand)).questions[0].average == 3.5
        seen: list[sv.SurveyAnswer] = []
        token = ""
        while True:
            listing = sv.ListSurveyAnswersRequest(filter=asked(house), page_size=2, page_token=token)
            page = await house.surveys.ListSurveyAnswers(listing)
            seen += page.answers
            token = page.next_page_token
            if not token:
                break
        assert sorted(each.value for each in seen) == [1, 2, 5]
        five = next(each for each in seen if each.value == 5)
        assert (five.comment_duration.seconds, five.flow_name, five.lowest, five.highest) == (12, "Main", 1, 5)
        assert not next(each for each in seen if each.value == 2).HasField("comment_duration")
    with house.as_admin(house.fresh("ten")):
        assert not (await house.surveys.GetSurveyReport(sv.GetSurveyReportRequest(filter=asked(house)))).questions


async def test_a_report_is_for_supervisors_and_says_which_field_can_not_be(house: Any) -> None:
    with acting_as(someone("agent", house.tenant_id)), pytest.raises(Forbidden):
        await house.surveys.GetSurveyReport(sv.GetSurveyReportRequest(filter=asked(house)))
    backwards, long = asked(house), asked(house)
    backwards.to_time.CopyFrom(backwards.from_time)
    long.to_time.seconds += 367 * 86_400
    with house.as_admin():
        for wrong, field in (
            (sv.SurveyFilter(), "filter.from_time"), (backwards, "filter.to_time"), (long, "filter.to_time"),
            (asked(house, brand_id="x"), "filter.brand_id"), (asked(house, question_id="q" * 41), "filter.question_id"),
        ):  # fmt: skip
            with pytest.raises(InvalidInput, match=field.replace(".", r"\.")):
                await house.surveys.GetSurveyReport(sv.GetSurveyReportRequest(filter=wrong))
            with pytest.raises(InvalidInput, match=field.replace(".", r"\.")):
                await house.surveys.ListSurveyAnswers(sv.ListSurveyAnswersRequest(filter=wrong))
        with pytest.raises(InvalidInput, match="time_zone"):
            await house.surveys.GetSurveyReport(sv.GetSurveyReportRequest(filter=asked(house), time_zone="Mars/Base"))

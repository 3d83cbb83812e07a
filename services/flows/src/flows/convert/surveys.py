"""Answers of surveys, proto <-> domain."""

from __future__ import annotations

from datetime import datetime

from chassis.instants import duration_out, time_in, time_out
from google.protobuf.message import Message
from kernel.errors import InvalidInput
from merkez.flows.v1 import survey_service_pb2 as pb

from flows.domain.survey_reports import SurveyAnswer, SurveyFilter, SurveyQuestion, check_filter


def filter_from(request: pb.GetSurveyReportRequest | pb.ListSurveyAnswersRequest) -> SurveyFilter:
    """Which answers; InvalidInput naming the field."""
    given = request.filter
    return check_filter(
        SurveyFilter(
            _required(given, "from_time"), _required(given, "to_time"), given.flow_id, given.question_id,
            given.brand_id, given.queue_id, given.agent_id,
        )
    )  # fmt: skip


def to_question(found: SurveyQuestion) -> pb.SurveyQuestion:
    """Whole."""
    return pb.SurveyQuestion(
        flow_id=found.flow_id, flow_name=found.flow_name, question_id=found.question_id, lowest=found.lowest,
        highest=found.highest, count=found.count, average=found.average,
        counts=[pb.SurveyCount(value=value, count=count) for value, count in found.counts.items()],
        days=[pb.SurveyDay(date=each.day.isoformat(), count=each.count, average=each.average) for each in found.days],
        comment_count=found.comments,
    )  # fmt: skip


def to_answer(found: SurveyAnswer, flow_name: str) -> pb.SurveyAnswer:
    """Whole."""
    return pb.SurveyAnswer(
        run_id=found.run_id, call_id=found.call_id, flow_id=found.flow_id, flow_name=flow_name,
        question_id=found.question_id, value=found.value, lowest=found.lowest, highest=found.highest,
        language=found.language, brand_id=found.brand_id, customer_id=found.customer_id, agent_id=found.agent_id,
        contact_id=found.contact_id, queue_id=found.queue_id, answer_time=time_out(found.answer_time),
        comment_duration=duration_out(found.comment or None),
    )  # fmt: skip


def _required(message: Message, name: str) -> datetime:
    given = time_in(message, name)
    if given is None:
        raise InvalidInput.of(f"filter.{name}", "is required")
    return given

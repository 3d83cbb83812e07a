"""SurveyService."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token, page_size
from chassis.sql import Database
from merkez.flows.v1 import survey_service_pb2 as pb
from merkez.flows.v1 import survey_service_pb2_grpc

from flows.convert import surveys as convert
from flows.domain.survey_reports import zone_of
from flows.ops import surveys as ops


class SurveyServicer(survey_service_pb2_grpc.SurveyServiceServicer):
    """What callers answered."""

    def __init__(self, db: Database):
        self._db = db

    async def GetSurveyReport(self, request: pb.GetSurveyReportRequest, context: Any) -> pb.SurveyReport:
        wanted, zone = convert.filter_from(request), zone_of(request.time_zone)
        found = await self._db.run(
            principal().tenant_id, lambda tx: ops.report(tx, wanted, zone), read_only=True
        )  # fmt: skip
        return pb.SurveyReport(questions=map(convert.to_question, found))

    async def ListSurveyAnswers(
        self, request: pb.ListSurveyAnswersRequest, context: Any
    ) -> pb.ListSurveyAnswersResponse:  # fmt: skip
        wanted, size = convert.filter_from(request), page_size(request.page_size)
        rows = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_answers(tx, wanted, size, request.page_token),
            read_only=True,
        )
        listed = rows[:size]
        token = encode_token(listed[-1][0].answer_time, listed[-1][0].answer_id) if len(rows) > size else ""
        return pb.ListSurveyAnswersResponse(
            answers=[convert.to_answer(*each) for each in listed], next_page_token=token
        )

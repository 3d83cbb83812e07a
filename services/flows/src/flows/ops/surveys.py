"""Reading what callers answered to surveys."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from chassis.sql import Tx

from flows.domain.survey_reports import SurveyAnswer, SurveyFilter, SurveyQuestion, added_up
from flows.store import flows as flow_store
from flows.store import surveys as store


async def report(tx: Tx, wanted: SurveyFilter, zone: ZoneInfo) -> list[SurveyQuestion]:
    """Answers added up, question by question."""
    return added_up(await store.tallies(tx, wanted), await flow_store.every_name(tx), zone)


async def list_answers(
    tx: Tx, wanted: SurveyFilter, size: int, token: str
) -> Sequence[tuple[SurveyAnswer, str]]:  # fmt: skip
    """Answers with the names of their flows, newest first, one more than `size` when there is a next page."""
    names = await flow_store.every_name(tx)
    return [(each, names.get(each.flow_id, "")) for each in await store.page(tx, wanted, size, token)]

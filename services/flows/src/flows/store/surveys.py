"""Answers of surveys, kept in the transaction that keeps the turn they came in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.paging import keyset
from chassis.sql import Tx
from kernel.ids import new_id
from sqlalchemy import RowMapping, Select, case, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from flows.domain.deeds import Answered
from flows.domain.runs import Run, Served
from flows.domain.survey_reports import SurveyAnswer, SurveyFilter, Tally
from flows.store.tables import survey_answers as answers

_FIELDS = (
    "answer_id", "run_id", "question_id", "call_id", "flow_id", "brand_id", "value", "lowest", "highest", "language",
    "customer_id", "agent_id", "contact_id", "queue_id", "answer_time",
)  # fmt: skip


_KEYS = ("tenant_id", "answer_id", "run_id", "question_id")


async def add(tx: Tx, run: Run, answer: Answered, now: datetime) -> None:
    """Keep an answer. Who is asked the same again in one run has the last word."""
    served = run.state.served or Served("", "")
    row: dict[str, Any] = {
        "tenant_id": tx.tenant_id, "answer_id": new_id("sva", now), "run_id": run.run_id,
        "question_id": answer.question_id, "call_id": run.call_id,
        "flow_id": run.flow_id, "brand_id": run.brand_id, "value": answer.value, "lowest": answer.lowest,
        "highest": answer.highest, "language": run.state.language,
        "customer_id": run.state.attributes.get("customer_id", ""), "agent_id": served.agent_id,
        "contact_id": served.contact_id, "queue_id": served.queue_id, "answer_time": now, "comment_ms": 0,
    }  # fmt: skip
    kept = {name: value for name, value in row.items() if name not in _KEYS}
    statement = insert(answers).on_conflict_do_update(index_elements=["tenant_id", "run_id", "question_id"], set_=kept)
    await tx.execute(statement, row)


async def note_comment(tx: Tx, run_id: str, spoken: timedelta) -> None:
    """The caller spoke to a mailbox for so long after what they had answered in this run."""
    await tx.execute(
        update(answers)
        .where(answers.c.tenant_id == tx.tenant_id, answers.c.run_id == run_id)
        .values(comment_ms=spoken // timedelta(milliseconds=1))
    )


async def tallies(tx: Tx, wanted: SurveyFilter) -> list[Tally]:
    """Answers counted by flow, question, value and quarter hour."""
    # Truncated to a quarter hour: every zone's days begin at one.
    seconds = func.floor(func.extract("epoch", answers.c.answer_time) / literal(900)) * literal(900)
    groups = [answers.c[name] for name in ("flow_id", "question_id", "value", "lowest", "highest")]
    commented = func.sum(case((answers.c.comment_ms > 0, 1), else_=0))
    statement = _chosen(
        select(*groups, seconds.label("quarter"), func.count().label("count"), commented.label("comments")), tx, wanted
    ).group_by(*groups, seconds)
    return [
        Tally(
            row["flow_id"], row["question_id"], row["value"], row["lowest"], row["highest"],
            datetime.fromtimestamp(float(row["quarter"]), UTC), row["count"], int(row["comments"]),
        )
        for row in await tx.all(statement)
    ]  # fmt: skip


async def page(tx: Tx, wanted: SurveyFilter, size: int, token: str) -> list[SurveyAnswer]:
    """Newest first, one more than `size` when there is a next page."""
    statement = _chosen(select(answers), tx, wanted)
    paged = keyset(statement, answers.c.answer_time, answers.c.answer_id, token, size)
    return [_answer(row) for row in await tx.all(paged)]


def _chosen(statement: Select[Any], tx: Tx, wanted: SurveyFilter) -> Select[Any]:
    statement = statement.where(
        answers.c.tenant_id == tx.tenant_id, answers.c.answer_time >= wanted.begin, answers.c.answer_time < wanted.end
    )
    for name in ("flow_id", "question_id", "brand_id", "queue_id", "agent_id"):
        if value := getattr(wanted, name):
            statement = statement.where(answers.c[name] == value)
    return statement


def _answer(row: RowMapping) -> SurveyAnswer:
    return SurveyAnswer(**{name: row[name] for name in _FIELDS}, comment=timedelta(milliseconds=row["comment_ms"]))

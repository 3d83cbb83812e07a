"""A release that is being replaced reads what the next one wrote of plans, and loses nothing of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kernel.features import Feature
from sqlalchemy import select, update
from tenancy.domain.plan_documents import plan_document, plan_of, written_anew
from tenancy.domain.plans import DRAFT, Limits, Plan, Rate, Tier
from tenancy.store import shelf
from tenancy.store.plan_tables import catalogue_versions

from .test_handlers_plans import Office, a_plan, shown

PLAN_NOW = Plan(
    plan_id="team", version=1, tier=2, names={"en": "Team"}, summaries={}, currency="EUR",
    limits=Limits(5, 3, 2, 1, 30),
    rates=(
        Rate("seat_month", "month", "9.00"),
        Rate("message", "message", model="graduated", tiers=(Tier("10", "1"), Tier("", "2"))),
    ),
    features=(Feature.API,), soft_limits=("max_users",),
)  # fmt: skip


def of_the_next_release() -> dict[str, Any]:
    """The same plan with fields nobody knows yet, at every level."""
    document: dict[str, Any] = json.loads(json.dumps(plan_document(PLAN_NOW)))
    document |= {"colour": "green", "features": ["api", "telepathy"], "soft_limits": ["max_users", "max_robots"]}
    document["limits"] |= {"max_robots": 3}
    document["rates"][0] |= {"moon_phase": "full"}
    document["rates"][1]["tiers"][0] |= {"moon_price": "3"}
    return document


def test_plan_of_the_next_release_is_read_without_what_nobody_here_knows() -> None:
    assert plan_of(of_the_next_release(), 1, DRAFT, None) == plan_of(plan_document(PLAN_NOW), 1, DRAFT, None)


def test_draft_written_anew_keeps_what_nobody_here_knows() -> None:
    changed = plan_document(plan_of(plan_document(PLAN_NOW), 1, DRAFT, None)) | {"tier": 7}
    made = written_anew(changed, of_the_next_release())
    assert (made["colour"], made["tier"], made["limits"]["max_robots"]) == ("green", 7, 3)
    assert made["features"] == ["api", "telepathy"] and made["soft_limits"] == ["max_users", "max_robots"]
    assert made["rates"][0]["moon_phase"] == "full" and "moon_phase" not in made["rates"][1]


def test_price_that_is_left_out_takes_what_nobody_knows_of_it_along() -> None:
    changed = plan_document(PLAN_NOW)
    changed["rates"] = changed["rates"][1:]
    assert all("moon_phase" not in each for each in written_anew(changed, of_the_next_release())["rates"])


async def test_catalogue_goes_on_while_a_newer_release_writes_into_it(town: Any) -> None:
    office = Office(town)
    made = await office.draft()

    async def newer(tx: Any) -> None:
        mine = catalogue_versions.c.item_id == made.plan.plan_id
        [row] = await tx.all(select(catalogue_versions).where(mine))
        document = dict(row["document"]) | {"colour": "green", "features": ["api", "telepathy"]}
        document["rates"][0] |= {"moon_phase": "full"}
        await tx.execute(update(catalogue_versions).where(mine).values(document=document))

    await town.db.system(newer)
    shelf.forget_all()
    changed = a_plan(names={"en": "Renamed"})
    changed.plan_id, changed.version = made.plan.plan_id, 1
    assert (await office.update(changed)).plan.names["en"] == "Renamed"
    await office.publish(changed)
    assert made.plan.plan_id in await shown(town)
    await office.next_version(made.plan.plan_id)

    async def kept(tx: Any) -> list[Any]:
        mine = catalogue_versions.c.item_id == made.plan.plan_id
        return await tx.all(select(catalogue_versions).where(mine).order_by(catalogue_versions.c.version))

    for row in await town.db.system(kept):
        assert (row["document"]["colour"], row["document"]["features"]) == ("green", ["api", "telepathy"])
        assert row["document"]["rates"][0]["moon_phase"] == "full"


@pytest.mark.parametrize("level", ["limits", "rates"])
def test_plan_without_what_it_must_say_is_still_refused(level: str) -> None:
    document = of_the_next_release()
    del document[level]
    with pytest.raises(KeyError):
        plan_of(document, 1, DRAFT, None)

"""One trace tells one call, from its INVITE to what it costs, and the line of the invoice that charges it is linked to
it; docs/pictures/trace.svg is drawn from one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import asyncpg
from merkez_local.system import System
from merkez_local.trace_picture import picture, shorten
from merkez_local.traces import Span, read_spans, trace_of
from testkit.company import Api, Company, request_id
from testkit.people import AgentAtDesk
from testkit.waiting import eventually

from tests.faults.telephones import Telephone

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_AGO = "interval '40 days'"
_LAST_MONTH = f"""
    UPDATE billing.plans_held SET effective_time = effective_time - {_AGO}, fact_time = fact_time - {_AGO},
        record_time = record_time - {_AGO} WHERE tenant_id = $1;
    UPDATE billing.subscription_versions SET change_time = change_time - {_AGO}, anchor_time = anchor_time - {_AGO},
        trial_end_time = trial_end_time - {_AGO}, record_time = record_time - {_AGO} WHERE tenant_id = $1;
    UPDATE billing.level_changes SET change_time = change_time - {_AGO}, record_time = record_time - {_AGO}
        WHERE tenant_id = $1;
    UPDATE billing.usage_records SET usage_time = usage_time - {_AGO}, record_time = record_time - {_AGO}
        WHERE tenant_id = $1;
    UPDATE billing.usage_days SET day = day - {_AGO} WHERE tenant_id = $1;
    DELETE FROM billing.billing_accounts WHERE tenant_id = $1"""
"""Nobody waits for a month's end: what was heard of a company lies so far back that its first month is over."""


async def test_one_trace_leads_from_the_invite_to_the_usage_record_and_from_there_to_the_invoices_line(
    system: System, company: Company, agent: AgentAtDesk, operator: Api
) -> None:
    entity = {
        "name": "Merkez MMC", "address": {"country": "AZ"}, "numberPrefix": "TRC-", "creditNotePrefix": "CTRC-",
    }  # fmt: skip
    await operator.post("/v1/operator/legalEntities", {"requestId": request_id(), "legalEntity": entity})
    telephone = await Telephone.of(company, 620)
    database = await asyncpg.connect(system.admin_database_url.replace("+asyncpg", ""))
    try:
        where = await database.fetchval("SELECT sip_address FROM telephony.nodes WHERE sip_address <> '' LIMIT 1")
        port = int(where.rpartition(":")[2])
        # A node reads every five seconds what trunks there are.
        await eventually(lambda: telephone.call(company.number["number"], port), every=0.5)
        await telephone.peer.hears_sound()
        await telephone.peer.press("1")
        offer = await agent.offered()
        await agent.answer(offer)
        await agent.hears(620)
        call_id = offer["data"]["offer"]["contact"]["callId"]
        await agent.api.post(f"/v1/calls/{call_id}:hangUp")
        await eventually(lambda: "billing works CallEnded" in names(found(system, call_id)))
        for statement in _LAST_MONTH.split(";"):
            await database.execute(statement, company.tenant_id)
        # An invoice run is every half a minute.
        await eventually(lambda: "invoice line" in names(found(system, call_id)), deadline=90)
    finally:
        await database.close()
        await telephone.leave()
    spans = found(system, call_id)
    rows = shorten(spans)
    assert rows[0][:2] == ("telephony", "sip invite")
    assert {"telephony", "flows", "routing", "tenancy", "billing"} <= {row[0] for row in rows}
    assert rows[-1][:2] == ("billing", "invoice line (linked)")
    (line,) = [span for span in spans if span["name"] == "invoice line"]
    assert line["attributes"]["meter"] == "voice_inbound_minute" and line["trace_id"] != spans[0]["trace_id"]
    if os.environ.get("MERKEZ_RECORD_TRACE"):  # by hand, to draw the picture anew
        lines = ",\n".join(json.dumps(row) for row in rows)
        (PICTURES / "trace.json").write_text(f"[\n{lines}\n]\n")
        (PICTURES / "trace.svg").write_text(picture(rows))


def found(system: System, call_id: str) -> list[Span]:
    """What is told of the call until now."""
    return trace_of(list(read_spans(system.data_dir / "traces")), call_id)


def names(spans: list[Span]) -> set[str]:
    """Of these spans."""
    return {span["name"] for span in spans}


async def test_the_picture_in_the_documentation_is_the_recorded_trace() -> None:
    rows = [tuple(row) for row in json.loads((PICTURES / "trace.json").read_text())]
    assert (PICTURES / "trace.svg").read_text() == picture(rows)  # type: ignore[arg-type]

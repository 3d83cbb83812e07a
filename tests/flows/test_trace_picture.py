"""One trace tells one call, from dialling to what it costs; docs/pictures/trace.svg is drawn from one."""

from __future__ import annotations

import json
import os
from pathlib import Path

from merkez_local.system import System
from merkez_local.trace_picture import picture, shorten
from merkez_local.traces import read_spans, trace_of
from testkit.company import Company
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually

from tests.flows.test_inbound_call import talk

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


async def test_one_trace_leads_from_the_customers_dialling_to_the_usage_record(
    system: System, company: Company, agent: AgentAtDesk, caller: CallerOnWidget
) -> None:
    await talk(agent, caller)
    call_id = caller.call["callId"]
    await agent.api.post(f"/v1/calls/{call_id}:hangUp")

    def whole() -> list | None:
        spans = trace_of(list(read_spans(system.data_dir / "traces")), call_id)
        names = {span["name"] for span in spans}
        return spans if "billing works CallEnded" in names else None

    rows = shorten(await eventually(whole))
    assert {"telephony", "flows", "routing", "tenancy", "billing"} <= {row[0] for row in rows}
    assert "StartWebCall" in rows[0][1] or any("StartWebCall" in row[1] for row in rows)
    if os.environ.get("MERKEZ_RECORD_TRACE"):  # by hand, to draw the picture anew
        lines = ",\n".join(json.dumps(row) for row in rows)
        (PICTURES / "trace.json").write_text(f"[\n{lines}\n]\n")
        (PICTURES / "trace.svg").write_text(picture(rows))


async def test_the_picture_in_the_documentation_is_the_recorded_trace() -> None:
    rows = [tuple(row) for row in json.loads((PICTURES / "trace.json").read_text())]
    assert (PICTURES / "trace.svg").read_text() == picture(rows)  # type: ignore[arg-type]

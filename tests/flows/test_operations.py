"""What whoever runs Merkez sees and does with merkez-ops, against all of it running."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from chassis.bus import Bus
from chassis.settings import ProcessSettings, load
from kernel.clock import SystemClock
from merkez_local.system import System
from testkit.company import Company
from testkit.people import CallerOnWidget
from testkit.waiting import eventually


async def _ops(system: System, *arguments: str, **environment: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "merkez_ops", *arguments,
        env=os.environ | system.operations_environment() | environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def _told(system: System, *arguments: str) -> Any:
    code, out, err = await _ops(system, *arguments, "--json")
    assert code == 0, out + err
    return json.loads(out)


async def test_doctor_finds_nothing_wrong_with_an_installation_that_works(system: System) -> None:
    code, out, err = await _ops(system, "doctor", "--json")
    found = json.loads(out)
    assert [each for each in found if each["verdict"] == "wrong"] == [], err
    assert code == 0
    said = {each["what"]: each["verdict"] for each in found}
    assert said["database"] == said["migrations of telephony"] == said["NATS"] == said["streams"] == "fine"
    assert said["routing"] == said["gateway"] == said["clock of NATS"] == said["TURN"] == "fine", found
    assert said["certificates"] == "not checked", "what nobody asked about is no clean bill"


async def test_doctor_says_which_service_is_away_and_what_to_do(system: System) -> None:
    code, out, _ = await _ops(system, "doctor", "--only", "services", MERKEZ_ROUTING_ADDRESS="127.0.0.1:1")
    assert code == 1
    said = " ".join(out.split())
    assert "wrong routing: 127.0.0.1:1:" in said
    assert "-> see whether its process runs" in said


async def test_doctor_says_that_the_database_is_away_without_telling_its_password(system: System) -> None:
    secret = "postgresql+asyncpg://root:hunter2@127.0.0.1:1/merkez"
    code, out, err = await _ops(system, "doctor", "--only", "database", MERKEZ_ADMIN_DATABASE_URL=secret)
    assert code == 1
    assert "127.0.0.1:1 can't be used" in out
    assert "hunter2" not in out + err


async def test_nodes_and_streams_and_listeners_are_listed(system: System) -> None:
    nodes = await _told(system, "nodes")
    assert [node["state"] for node in nodes if node["node_id"] == "telephony-0"] == ["taking calls"]
    assert {"TELEPHONY", "ROUTING", "BILLING"} <= {stream["name"] for stream in await _told(system, "streams")}
    assert ("TELEPHONY", "billing") in {(lag["stream"], lag["consumer"]) for lag in await _told(system, "lag")}
    assert (await _told(system, "regions"))[0]["region"] == "local"


async def test_a_region_is_drained_and_takes_calls_again(system: System) -> None:
    drained = await _told(system, "drain", "--region", "--yes", "--minutes", "30")
    try:
        assert [node["state"] for node in drained] == ["draining"]
        code, out, _ = await _ops(system, "doctor", "--only", "telephony's nodes")
        assert code == 1 and "none takes calls" in out
    finally:
        back = await _told(system, "undrain", "--region")
    assert [node["state"] for node in back] == ["taking calls"]


async def test_a_node_that_nobody_knows_is_not_drained(system: System) -> None:
    code, _, err = await _ops(system, "drain", "telephony-99")
    assert code == 1
    assert "telephony-99: no node of this name has been seen" in err


async def test_a_dead_letter_is_shown_without_what_it_holds_and_sent_once_more(system: System) -> None:
    settings = load(ProcessSettings, service="test", environ=system.operations_environment())
    bus = await Bus.connect(settings)
    try:
        await bus.ensure_stream("DEAD")
        headers = {
            "ce-id": "evt_dead_for_ops", "ce-time": SystemClock().now().isoformat(), "merkez-dead-reason": "TEST",
            "merkez-dead-consumer": "nobody", "merkez-dead-attempts": "5",
            "merkez-dead-subject": "merkez.ten_x.queue.v1.queue_deleted",
        }  # fmt: skip
        await bus.jetstream.publish("dead.ten_x.nobody", b"+15550100", headers=headers)
        letters = await _told(system, "dead-letters", "--consumer", "nobody")
        assert [(each["event_id"], each["reason"]) for each in letters] == [("evt_dead_for_ops", "TEST")]
        assert "+15550100" not in json.dumps(letters)
        assert await _told(system, "replay", "--consumer", "nobody", "--yes") == {"replayed": 1}

        async def gone() -> bool:
            return await _told(system, "dead-letters", "--consumer", "nobody") == []

        await eventually(gone)
    finally:
        await bus.close()


async def test_calls_are_shown_without_who_speaks(system: System, company: Company, caller: CallerOnWidget) -> None:
    await caller.dial()
    await caller.peer.hears_sound()
    code, out, err = await _ops(system, "calls", "--json")
    assert code == 0, err
    (shown,) = [each for each in json.loads(out) if each["call_id"] == caller.call["callId"]]
    assert shown["tenant_id"].startswith("ten_") and shown["direction"] == "INBOUND"
    assert "Carla" not in out


async def test_a_synthetic_call_is_answered_with_sound_and_hung_up(system: System, company: Company) -> None:
    (made,) = await _told(system, "call", company.brand["widgetKey"])
    assert made["packets"] >= 50
    call_id = made["call_id"]

    async def over() -> bool:
        return all(each["call_id"] != call_id for each in await _told(system, "calls"))

    await eventually(over)


async def test_a_synthetic_call_to_nobody_says_why(system: System) -> None:
    code, _, err = await _ops(system, "call", "wk_of_nobody")
    assert code == 1 and err.strip()


async def test_nothing_is_looked_at_without_knowing_where(system: System) -> None:
    code, _, err = await _ops(system, "nodes", MERKEZ_TELEPHONY_ADDRESS="")
    assert code == 1
    assert "MERKEZ_TELEPHONY_ADDRESS is missing" in err

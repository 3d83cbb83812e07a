"""Number lists over the wire: editing, filling, asking, and who may not be without them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from chassis.sql import Database
from flows.domain.number_lists import MAX_ENTRIES, Entry
from flows.ops import number_lists as ops
from flows.store import number_lists as store
from google.protobuf.field_mask_pb2 import FieldMask
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, InvalidInput, NotFound
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2 as flow_rpc
from merkez.flows.v1 import number_list_pb2 as lists_pb
from merkez.flows.v1 import number_list_service_pb2 as rpc

from .conftest import flow_of, say

VIP, OTHER = "+994501234567", "+994551234567"


def draft(key: str = "vip", display_name: str = "Best customers", description: str = "") -> lists_pb.NumberList:
    return lists_pb.NumberList(key=key, display_name=display_name, description=description)


async def make(house: Any, key: str = "vip", text: str = "") -> lists_pb.NumberList:
    """A list, filled."""
    with house.as_admin():
        made = await house.lists.CreateNumberList(
            rpc.CreateNumberListRequest(request_id=house.fresh("req"), number_list=draft(key))
        )
    if text:
        await fill(house, made.number_list_id, text)
    return made


async def fill(house: Any, list_id: str, text: str, **more: Any) -> rpc.ImportNumberListEntriesResponse:
    with house.as_admin():
        return await house.lists.ImportNumberListEntries(
            rpc.ImportNumberListEntriesRequest(
                **{"request_id": house.fresh("req"), "number_list_id": list_id, "text": text, **more}
            )
        )


async def entries(house: Any, list_id: str, query: str = "", size: int = 0, token: str = "") -> Any:
    with house.as_admin():
        return await house.lists.ListNumberListEntries(
            rpc.ListNumberListEntriesRequest(number_list_id=list_id, query=query, page_size=size, page_token=token)
        )


async def test_a_list_is_made_once_and_its_key_is_its_own(house: Any) -> None:
    request = rpc.CreateNumberListRequest(request_id=house.fresh("req"), number_list=draft(description="Golden"))
    with house.as_admin():
        made = await house.lists.CreateNumberList(request)
        assert await house.lists.CreateNumberList(request) == made
        assert (made.key, made.display_name, made.description, made.entry_count) == (
            "vip",
            "Best customers",
            "Golden",
            0,
        )
        with pytest.raises(AlreadyExists) as taken:
            await house.lists.CreateNumberList(
                rpc.CreateNumberListRequest(request_id=house.fresh("req"), number_list=draft())
            )
        assert taken.value.reason == "NUMBER_LIST_KEY_TAKEN"
        request.number_list.description = "Other"
        with pytest.raises(AlreadyExists) as reused:
            await house.lists.CreateNumberList(request)
        assert reused.value.reason == "REQUEST_ID_REUSED"
        for field, wrong in (
            ("key", draft("V I P")),
            ("key", draft("")),
            ("display_name", draft("a", display_name=" ")),
        ):
            with pytest.raises(InvalidInput) as caught:
                await house.lists.CreateNumberList(
                    rpc.CreateNumberListRequest(request_id=house.fresh("req"), number_list=wrong)
                )
            assert caught.value.fields[0].field == f"number_list.{field}"


async def test_a_list_is_renamed_on_the_version_it_was_read_with_and_keeps_its_key(house: Any) -> None:
    made = await make(house)
    wanted = lists_pb.NumberList(number_list_id=made.number_list_id, display_name="Gold", description="")
    with house.as_admin():
        changed = await house.lists.UpdateNumberList(rpc.UpdateNumberListRequest(number_list=wanted, version=1))
        assert (changed.display_name, changed.version, changed.key) == ("Gold", 2, "vip")
        with pytest.raises(Conflict):
            await house.lists.UpdateNumberList(rpc.UpdateNumberListRequest(number_list=wanted, version=1))
        with pytest.raises(InvalidInput) as caught:
            await house.lists.UpdateNumberList(
                rpc.UpdateNumberListRequest(number_list=wanted, update_mask=FieldMask(paths=["key"]))
            )
        assert caught.value.fields[0].field == "update_mask"


async def test_another_tenant_has_no_such_list(house: Any) -> None:
    made = await make(house, text=VIP)
    list_id = made.number_list_id
    requests = [
        ("GetNumberList", rpc.GetNumberListRequest(number_list_id=list_id)),
        ("UpdateNumberList", rpc.UpdateNumberListRequest(number_list=lists_pb.NumberList(
            number_list_id=list_id, display_name="x"))),
        ("DeleteNumberList", rpc.DeleteNumberListRequest(number_list_id=list_id)),
        ("ListNumberListEntries", rpc.ListNumberListEntriesRequest(number_list_id=list_id)),
        ("ExportNumberListEntries", rpc.ExportNumberListEntriesRequest(number_list_id=list_id)),
        ("ImportNumberListEntries", rpc.ImportNumberListEntriesRequest(
            request_id="r", number_list_id=list_id, text=VIP)),
        ("UpdateNumberListEntry", rpc.UpdateNumberListEntryRequest(
            number_list_id=list_id, entry=lists_pb.NumberListEntry(pattern=VIP))),
        ("DeleteNumberListEntries", rpc.DeleteNumberListEntriesRequest(number_list_id=list_id, patterns=[VIP])),
    ]  # fmt: skip
    with house.as_admin(house.fresh("ten")):
        for name, request in requests:
            with pytest.raises(NotFound) as caught:
                await getattr(house.lists, name)(request)
            assert caught.value.reason == "NUMBER_LIST_NOT_FOUND"
        assert not (await house.lists.ListNumberLists(rpc.ListNumberListsRequest())).number_lists
        assert not (await house.lists.LookUpNumber(rpc.LookUpNumberRequest(number=VIP))).matches


async def test_an_import_is_tried_first_names_each_bad_line_and_then_puts_all_in_or_none(house: Any) -> None:
    list_id = (await make(house)).number_list_id
    text = f"number,label\n{VIP},Leyla\n055 123 45 67,Omid\nhello 1\n+9055*,Operator\n"
    tried = await fill(house, list_id, text, dry_run=True)
    assert (tried.added, tried.bad_lines, tried.entry_count) == (2, 2, 2)
    assert [(each.line, each.value, each.reason) for each in tried.problems] == [
        (3, "055 123 45 67", "NUMBER_WITHOUT_COUNTRY"), (4, "hello 1", "NUMBER_INVALID"),
    ]  # fmt: skip
    assert not (await entries(house, list_id)).entries, "a dry run changes nothing"
    with pytest.raises(InvalidInput) as caught:
        await fill(house, list_id, text, country="az")
    assert caught.value.reason == "NUMBER_LIST_LINES_INVALID" and caught.value.fields[0].field == "text[4]"
    assert not (await entries(house, list_id)).entries
    done = await fill(house, list_id, text, country="AZ", skip_bad_lines=True)
    assert (done.added, done.bad_lines, done.entry_count) == (3, 1, 3)
    found = (await entries(house, list_id)).entries
    assert [(each.pattern, each.label) for each in found] == [
        ("+9055*", "Operator"), (VIP, "Leyla"), (OTHER, "Omid"),
    ]  # fmt: skip
    for field, more in (("country", {"country": "XX"}), ("text", {"text": " "}), ("text", {"text": "number\n"})):
        with pytest.raises(InvalidInput) as wrong:
            await fill(house, list_id, **{"text": VIP, **more})
        assert wrong.value.fields[0].field == field


async def test_an_import_that_is_repeated_counts_once_and_one_of_the_whole_takes_the_rest_out(house: Any) -> None:
    list_id = (await make(house, text=f"{VIP},Leyla,golden")).number_list_id
    first = await fill(house, list_id, f"{VIP}\n{OTHER},Omid", request_id="once")
    assert (first.added, first.unchanged, first.entry_count) == (1, 1, 2)
    assert await fill(house, list_id, f"{VIP}\n{OTHER},Omid", request_id="once") == first
    again = await fill(house, list_id, f"{VIP},Leyla A.", replace=True)
    assert (again.changed, again.removed, again.entry_count) == (1, 1, 1)
    (left,) = (await entries(house, list_id)).entries
    assert (left.pattern, left.label, left.notes) == (VIP, "Leyla A.", "golden")


async def test_a_list_is_not_made_anew_from_lines_of_which_some_are_bad(house: Any) -> None:
    list_id = (await make(house, text=f"{VIP}\n{OTHER}")).number_list_id
    for text in ("0501234567\n0501234568", f"{VIP}\n0551234567"):
        tried = await fill(house, list_id, text, skip_bad_lines=True, replace=True, dry_run=True)
        assert tried.bad_lines and tried.removed, "a dry run says what would come of it"
        with pytest.raises(InvalidInput) as caught:
            await fill(house, list_id, text, skip_bad_lines=True, replace=True)
        assert caught.value.fields[0].field == "replace"
    assert len((await entries(house, list_id)).entries) == 2


async def test_the_longest_entries_are_exported_page_by_page(house: Any) -> None:
    list_id = (await make(house)).number_list_id
    long = [Entry(f"+1555{number:07}", "😀" * 100, "😀" * 500) for number in range(1_600)]
    await house.db.run(house.tenant_id, lambda tx: store.put_entries(tx, list_id, long, house.clock.now()))
    lines, token = 0, ""
    while not lines or token:
        request = rpc.ExportNumberListEntriesRequest(number_list_id=list_id, page_token=token)
        with house.as_admin():
            page = await house.lists.ExportNumberListEntries(request, timeout=60)
        assert page.ByteSize() < 4 << 20
        lines, token = lines + page.csv.count("\r\n"), page.next_page_token
    assert lines == 1 + len(long)


@pytest.mark.parametrize("field", ["label", "notes"])
@pytest.mark.parametrize("wrong", ["a\x01b", "a\x00b", "a\tb", "two\nlines"])
async def test_an_entry_takes_no_text_by_hand_that_an_import_refuses(house: Any, field: str, wrong: str) -> None:
    list_id = (await make(house, text=VIP)).number_list_id
    entry = lists_pb.NumberListEntry(pattern=VIP)
    setattr(entry, field, wrong)
    with house.as_admin(), pytest.raises(InvalidInput) as caught:
        await house.lists.UpdateNumberListEntry(rpc.UpdateNumberListEntryRequest(number_list_id=list_id, entry=entry))
    assert caught.value.fields[0].field == f"entry.{field}"


async def test_entries_are_searched_paged_changed_and_taken_out(house: Any) -> None:
    text = "\n".join(f"+99450123450{number},Customer {number}" for number in range(8)) + f"\n{OTHER},Ömer,100% sure"
    list_id = (await make(house, text=text)).number_list_id
    first = await entries(house, list_id, size=5)
    assert len(first.entries) == 5
    second = await entries(house, list_id, size=5, token=first.next_page_token)
    assert len(second.entries) == 4 and not second.next_page_token
    for query, count in (
        ("055 123", 0),
        ("55 123", 1),
        ("customer", 8),
        ("ömer", 1),
        ("100%", 1),
        ("%", 1),
        ("zzz", 0),
    ):
        assert len((await entries(house, list_id, query)).entries) == count, query
    with house.as_admin():
        changed = await house.lists.UpdateNumberListEntry(
            rpc.UpdateNumberListEntryRequest(
                number_list_id=list_id, entry=lists_pb.NumberListEntry(pattern=OTHER, label="Omar", notes="")
            )
        )
        assert (changed.label, changed.notes) == ("Omar", "")
        with pytest.raises(NotFound) as caught:
            await house.lists.UpdateNumberListEntry(
                rpc.UpdateNumberListEntryRequest(
                    number_list_id=list_id, entry=lists_pb.NumberListEntry(pattern="+15551234567")
                )
            )
        assert caught.value.reason == "NUMBER_LIST_ENTRY_NOT_FOUND"
        gone = await house.lists.DeleteNumberListEntries(
            rpc.DeleteNumberListEntriesRequest(number_list_id=list_id, patterns=[OTHER, OTHER, "+15551234567"])
        )
        assert (gone.removed, gone.entry_count) == (1, 8)
        with pytest.raises(InvalidInput):
            await house.lists.DeleteNumberListEntries(rpc.DeleteNumberListEntriesRequest(number_list_id=list_id))
        assert (await house.lists.GetNumberList(rpc.GetNumberListRequest(number_list_id=list_id))).entry_count == 8
        exported = await house.lists.ExportNumberListEntries(rpc.ExportNumberListEntriesRequest(number_list_id=list_id))
    assert (
        exported.csv.startswith("number,label,notes\r\n+994501234500,Customer 0,\r\n") and not exported.next_page_token
    )
    again = await fill(house, list_id, exported.csv)
    assert (again.unchanged, again.added, again.bad_lines) == (8, 0, 0)


async def test_where_a_number_is_can_be_asked(house: Any) -> None:
    await make(house, "vip", f"+99450*,Operator\n{VIP},Leyla")
    await make(house, "blocked", "+1*")
    with house.as_admin():
        found = await house.lists.LookUpNumber(rpc.LookUpNumberRequest(number="050 123 45 67", country="AZ"))
        assert found.number == VIP
        assert [(each.key, each.entry.pattern, each.entry.label) for each in found.matches] == [("vip", VIP, "Leyla")]
        with pytest.raises(InvalidInput) as caught:
            await house.lists.LookUpNumber(rpc.LookUpNumberRequest(number="Leyla"))
        assert caught.value.fields[0].field == "number"


def ruled(house: Any, condition: str) -> pb.Definition:
    rules = pb.EntryRules(next="wait", otherwise="bye")
    rules.rules.add(condition=condition, queue_id=house.routing.queue_id, priority=7)
    return flow_of(
        pb.Step(step_id="rules", entry_rules=rules), pb.Step(step_id="wait", queue=pb.Queue(by_rules=True)),
        say("bye", "Goodbye."),
    )  # fmt: skip


async def test_calls_of_numbers_in_a_list_wait_as_its_rule_says(house: Any) -> None:
    list_id = (await make(house, text=f"{VIP}\n+1*")).number_list_id
    flow = await house.publish(ruled(house, "in_list(caller_number, 'vip')"))
    for number, step_id in ((VIP, "wait"), ("+15551234567", "wait"), (OTHER, "bye"), ("", "bye"), ("private", "bye")):
        begun = await house.start(flow.flow_id, house.fresh("call"), caller_number=number)
        assert begun.step_id == step_id, number
    with house.as_admin():
        await house.lists.DeleteNumberListEntries(
            rpc.DeleteNumberListEntriesRequest(number_list_id=list_id, patterns=[VIP])
        )
    assert (await house.start(flow.flow_id, house.fresh("call"), caller_number=VIP)).step_id == "bye", "from now on"


async def test_a_list_that_a_rule_names_is_not_deleted_and_who_names_it_is_said(house: Any) -> None:
    made = await make(house, text=VIP)
    flow = await house.publish(ruled(house, "not in_list(caller_number, 'vip')"))
    delete = rpc.DeleteNumberListRequest(number_list_id=made.number_list_id)
    with house.as_admin():
        (use,) = (await house.lists.GetNumberList(rpc.GetNumberListRequest(number_list_id=made.number_list_id))).uses
        assert (use.flow_id, use.flow_name, list(use.step_ids)) == (flow.flow_id, "Main", ["rules"])
        assert use.draft and use.released
        with pytest.raises(FailedPrecondition) as caught:
            await house.lists.DeleteNumberList(delete)
        assert caught.value.reason == "NUMBER_LIST_IN_USE" and "'Main' (step rules)" in str(caught.value)
        assert caught.value.metadata["flow_ids"] == flow.flow_id
        plain = pb.Flow(flow_id=flow.flow_id, draft=flow_of(say("a", "Hi.")))
        await house.flows.UpdateFlow(flow_rpc.UpdateFlowRequest(flow=plain))
        with pytest.raises(FailedPrecondition):
            await house.lists.DeleteNumberList(delete)  # the release that runs still names it
        await house.flows.PublishFlow(flow_rpc.PublishFlowRequest(request_id=house.fresh("req"), flow_id=flow.flow_id))
        await house.lists.DeleteNumberList(delete)
        with pytest.raises(NotFound):
            await house.lists.DeleteNumberList(delete)


async def test_a_flow_that_names_a_list_nobody_has_is_not_published(house: Any) -> None:
    flow = pb.Flow(display_name="Main", draft=ruled(house, "in_list(caller_number, 'vip')"))
    with house.as_admin():
        made = await house.flows.CreateFlow(flow_rpc.CreateFlowRequest(request_id=house.fresh("req"), flow=flow))
        problems = (await house.flows.ValidateFlow(flow_rpc.ValidateFlowRequest(flow_id=made.flow_id))).problems
        assert [(each.step_id, each.field, each.reason, each.column) for each in problems] == [
            ("rules", "rules[0].condition", "NUMBER_LIST_UNKNOWN", 24)
        ]
        await make(house)
        assert (await house.flows.ValidateFlow(flow_rpc.ValidateFlowRequest(flow_id=made.flow_id))).valid


async def test_two_imports_at_once_leave_the_count_right(house: Any) -> None:
    list_id = (await make(house)).number_list_id
    await asyncio.gather(*(fill(house, list_id, f"+99450{part}*\n+9945012345{part}") for part in (11, 22, 33)))
    with house.as_admin():
        found = await house.lists.GetNumberList(rpc.GetNumberListRequest(number_list_id=list_id))
    assert found.entry_count == 6 == len((await entries(house, list_id)).entries)


async def test_a_list_takes_a_hundred_thousand_numbers_no_more_and_finds_one_by_its_index(house: Any) -> None:
    list_id = (await make(house)).number_list_id
    full = "\n".join(f"+99450{number:07}" for number in range(MAX_ENTRIES))
    with house.as_admin():
        done = await house.lists.ImportNumberListEntries(
            rpc.ImportNumberListEntriesRequest(request_id=house.fresh("req"), number_list_id=list_id, text=full),
            timeout=120,
        )
    assert (done.added, done.entry_count) == (MAX_ENTRIES, MAX_ENTRIES)
    with pytest.raises(FailedPrecondition) as caught:
        await fill(house, list_id, "+15551234567")
    assert caught.value.reason == "NUMBER_LIST_FULL"
    assert await look_up(house.db, house.tenant_id) == ((VIP[:-7] + "0099999", "vip"),)


async def look_up(db: Database, tenant_id: str) -> Any:
    number = VIP[:-7] + "0099999"
    return await db.run(tenant_id, lambda tx: ops.look_up(tx, {(number, "vip"), (OTHER, "vip")}), read_only=True)


async def test_entries_of_one_statement_more_are_kept_as_well(house: Any) -> None:
    list_id = (await make(house)).number_list_id
    many = [Entry(f"+1555{number:07}") for number in range(5_001)]
    await house.db.run(house.tenant_id, lambda tx: store.put_entries(tx, list_id, many, house.clock.now()))
    found = await house.db.run(
        house.tenant_id, lambda tx: store.entries(tx, list_id, [each.pattern for each in many]), read_only=True
    )
    assert len(found) == 5_001

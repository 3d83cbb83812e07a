"""Trunks and outbound rules as a caller sees them."""

from __future__ import annotations

import asyncio

import pytest
from chassis.sealing import Seal
from chassis.sql import Tx
from kernel.errors import Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.tenant import PLATFORM
from merkez.telephony.v1 import trunk_pb2
from merkez.telephony.v1 import trunk_service_pb2 as pb
from merkez.type.v1.money_pb2 import Money
from sqlalchemy import text
from telephony.main import TRUNK_PASSWORDS
from telephony.ops import trunks as trunk_ops

from .office import an_id, office, reason_of

__all__ = ["office"]

# -- trunks ----------------------------------------------------------------------------------------------------


async def test_a_trunk_that_numbers_are_bound_to_stays_until_they_are_bound_elsewhere(office) -> None:
    trunk = await office.trunk()
    office.numbers.caller_numbers.trunk_ids["+902125550100"] = trunk.trunk_id
    with office.as_():
        delete = pb.DeleteTrunkRequest(trunk_id=trunk.trunk_id)
        assert await reason_of(office.trunks.DeleteTrunk(delete)) == "TRUNK_HAS_NUMBERS"
        assert (await office.trunks.GetTrunk(pb.GetTrunkRequest(trunk_id=trunk.trunk_id))).trunk_id == trunk.trunk_id
    office.numbers.caller_numbers.trunk_ids.clear()
    with office.as_():
        await office.trunks.DeleteTrunk(delete)


async def test_a_trunk_is_made_once_however_often_it_is_asked_for(office) -> None:
    first = await office.trunk("once", "secret")
    assert await office.trunk("once", "secret") == first
    assert first.trunk_id.startswith("trk_") and first.has_password and first.version == 2
    assert (first.gateways[0].port, first.gateways[0].transport) == (5060, trunk_pb2.SIP_TRANSPORT_UDP)
    assert (first.limits.max_concurrent_calls, list(first.codecs)) == (30, ["PCMA", "PCMU"])
    assert await reason_of(office.trunk("once", display_name="Other")) == "REQUEST_ID_REUSED"
    with office.as_():
        listed = await office.trunks.ListTrunks(pb.ListTrunksRequest())
    assert list(listed.trunks) == [first]


async def test_a_company_has_a_hundred_trunks_at_most_and_is_told_what_to_do_then(office) -> None:
    first = await office.trunk("first")
    row = await office.db.run(office.tenant, lambda tx: trunk_ops.get_trunk(tx, first.trunk_id))

    async def more(tx: Tx) -> None:
        for _ in range(99):
            await trunk_ops.create_trunk(tx, row, office.clock.now())

    await office.db.run(office.tenant, more)
    with pytest.raises(FailedPrecondition, match="at most 100 trunks: delete one first") as refused:
        await office.trunk()
    assert (refused.value.reason, refused.value.metadata["limit"]) == ("TOO_MANY_TRUNKS", "100")
    assert await office.trunk("first") == first, "a repeat makes none"
    with office.as_():
        await office.trunks.DeleteTrunk(pb.DeleteTrunkRequest(trunk_id=first.trunk_id))
    assert await office.trunk()


async def test_two_who_ask_for_the_same_trunk_at_once_get_one(office) -> None:
    first, second = await asyncio.gather(office.trunk("once"), office.trunk("once"))
    assert first == second


async def test_a_password_can_be_used_and_is_nowhere_to_be_read(office, capfd) -> None:
    trunk = await office.trunk(password="correct horse")
    row = await office.db.run(office.tenant, lambda tx: trunk_ops.get_trunk(tx, trunk.trunk_id))
    assert office.seal.open(row.password, trunk.trunk_id) == b"correct horse"
    assert office.seal.open(row.password, an_id("trk")) is None
    for table in ("trunks", "requests"):
        query = text(f"select t::text as row from telephony.{table} t")
        found = await office.db.run(office.tenant, lambda tx, q=query: tx.all(q))
        assert found and "correct horse" not in str(found) and b"correct horse".hex() not in str(found)
    with office.as_():
        shown = await office.trunks.GetTrunk(pb.GetTrunkRequest(trunk_id=trunk.trunk_id))
    assert "correct" not in str(shown) and "correct" not in "".join(capfd.readouterr())


async def test_a_password_is_changed_and_taken_away_and_a_lost_one_is_told(office) -> None:
    trunk = await office.trunk()
    with office.as_():
        changed = await office.trunks.SetTrunkPassword(
            pb.SetTrunkPasswordRequest(trunk_id=trunk.trunk_id, password="new")
        )
        assert changed.has_password and changed.version == trunk.version + 1
        healthy = await office.trunks.GetTrunkHealth(pb.GetTrunkHealthRequest(trunk_id=trunk.trunk_id))
        foreign = Seal(b"another key", TRUNK_PASSWORDS).close(b"new", trunk.trunk_id)
        now = office.clock.now()
        await office.db.run(office.tenant, lambda tx: trunk_ops.set_password(tx, trunk.trunk_id, foreign, now))
        lost = await office.trunks.GetTrunkHealth(pb.GetTrunkHealthRequest(trunk_id=trunk.trunk_id))
        gone = await office.trunks.SetTrunkPassword(pb.SetTrunkPasswordRequest(trunk_id=trunk.trunk_id))
    assert (healthy.password_lost, lost.password_lost, gone.has_password) == (False, True, False)
    assert healthy.state == trunk_pb2.HEALTH_STATE_UNKNOWN and len(healthy.gateways) == 1


async def test_each_wrong_field_of_a_trunk_is_named(office) -> None:
    wrong = trunk_pb2.Trunk(display_name="", gateways=[trunk_pb2.Gateway(host="bad host")], registers=True)
    with pytest.raises(InvalidInput) as refused, office.as_():
        await office.trunks.CreateTrunk(pb.CreateTrunkRequest(request_id="x", trunk=wrong))
    assert {each.field for each in refused.value.fields} == {
        "trunk.display_name", "trunk.gateways[0].host", "trunk.user_name",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"rates": [trunk_pb2.TrunkRate(country="TR", price="cheap")]}, "trunk.rates[0].price"),
        ({"rates": [trunk_pb2.TrunkRate(country="TR", price="1")] * 2}, "trunk.rates[1].country"),
        ({"rates": [trunk_pb2.TrunkRate(country="XX", price="1")]}, "trunk.rates"),
        ({"limits": trunk_pb2.TrunkLimits(spend_limit=Money(currency="USD", amount="1"))},
         "trunk.limits.spend_limit.currency"),
        ({"srtp": 9}, "trunk.srtp"),
        ({"gateways": []}, "trunk.gateways"),
        ({"source_networks": ["0.0.0.0/0"]}, "trunk.source_networks[0]"),
    ],
)  # fmt: skip
async def test_a_trunk_that_could_not_work_names_the_field(office, fields, field) -> None:
    with pytest.raises(InvalidInput) as refused:
        await office.trunk(**fields)
    assert [each.field for each in refused.value.fields] == [field]


async def test_an_update_changes_what_it_names_and_loses_against_a_faster_one(office) -> None:
    trunk = await office.trunk(priority=3)
    changed = await office.update(trunk.trunk_id, ["display_name", "enabled"], trunk.version, display_name="New")
    assert (changed.display_name, changed.enabled, changed.priority, changed.version) == ("New", False, 3, 2)
    assert changed.gateways[0].gateway_id == trunk.gateways[0].gateway_id
    with pytest.raises(Conflict):
        await office.update(trunk.trunk_id, ["display_name"], trunk.version, display_name="Late")
    with pytest.raises(InvalidInput):
        await office.update(trunk.trunk_id, ["trunk_id"])
    both = await asyncio.gather(
        *(office.update(trunk.trunk_id, ["priority"], changed.version, priority=n) for n in (1, 2)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Conflict) for each in both) == 1


async def test_limits_alone_are_changed_in_the_currency_the_trunk_has(office) -> None:
    trunk = await office.trunk(currency="AZN")

    async def spend(currency: str, amount: str) -> Money:
        limits = trunk_pb2.TrunkLimits(spend_limit=Money(currency=currency, amount=amount))
        changed = await office.update(trunk.trunk_id, ["limits"], limits=limits)
        assert changed.currency == "AZN"
        return changed.limits.spend_limit

    assert await spend("AZN", "50") == Money(currency="AZN", amount="50.00")
    assert await spend("", "60") == Money(currency="AZN", amount="60.00")
    with pytest.raises(InvalidInput) as refused:
        await spend("EUR", "70")
    assert [each.field for each in refused.value.fields] == ["trunk.limits.spend_limit.currency"]


async def test_another_tenants_trunk_is_not_there(office) -> None:
    trunk = await office.trunk()
    with office.as_(tenant=an_id("ten")):
        for call in (
            office.trunks.GetTrunk(pb.GetTrunkRequest(trunk_id=trunk.trunk_id)),
            office.trunks.GetTrunkHealth(pb.GetTrunkHealthRequest(trunk_id=trunk.trunk_id)),
            office.trunks.DeleteTrunk(pb.DeleteTrunkRequest(trunk_id=trunk.trunk_id)),
            office.trunks.SetTrunkPassword(pb.SetTrunkPasswordRequest(trunk_id=trunk.trunk_id, password="x")),
            office.trunks.UpdateTrunk(pb.UpdateTrunkRequest(trunk=trunk)),
        ):
            assert await reason_of(call) == "TRUNK_NOT_FOUND"
        assert not (await office.trunks.ListTrunks(pb.ListTrunksRequest())).trunks


async def test_trunks_come_in_pages_newest_first(office) -> None:
    made = []
    for n in range(3):
        made.append(await office.trunk(display_name=str(n)))
        office.clock.advance(1)
    with office.as_():
        page = await office.trunks.ListTrunks(pb.ListTrunksRequest(page_size=2))
        rest = await office.trunks.ListTrunks(pb.ListTrunksRequest(page_size=2, page_token=page.next_page_token))
    assert [each.display_name for each in (*page.trunks, *rest.trunks)] == ["2", "1", "0"]
    assert rest.next_page_token == ""


async def test_operators_make_the_platforms_trunks_and_tenants_are_told_how_many(office) -> None:
    with office.as_("operator", PLATFORM):
        shared = await office.trunks.CreateTrunk(
            pb.CreateTrunkRequest(
                request_id=an_id("req"),
                trunk=trunk_pb2.Trunk(display_name="P", gateways=[trunk_pb2.Gateway(host="p.example")], enabled=True),
            )
        )
    assert shared.shared
    with office.as_():
        listed = await office.trunks.ListTrunks(pb.ListTrunksRequest())
        assert (
            await reason_of(office.trunks.GetTrunk(pb.GetTrunkRequest(trunk_id=shared.trunk_id))) == "TRUNK_NOT_FOUND"
        )
    assert (listed.shared_trunk_count >= 1, len(listed.trunks)) == (True, 0)


@pytest.mark.parametrize("role", ["agent", "supervisor"])
async def test_only_admins_and_owners_look_after_trunks_and_phones(office, role) -> None:
    with office.as_(role):
        for call in (
            office.trunks.ListTrunks(pb.ListTrunksRequest()),
            office.devices.ListDevices(pb.ListDevicesRequest()),
            office.outbound.GetOutboundSettings(pb.GetOutboundSettingsRequest()),
        ):
            with pytest.raises(Forbidden):
                await call


async def test_a_deleted_trunk_is_gone(office) -> None:
    trunk = await office.trunk()
    with office.as_("owner"):
        await office.trunks.DeleteTrunk(pb.DeleteTrunkRequest(trunk_id=trunk.trunk_id))
        with pytest.raises(NotFound):
            await office.trunks.GetTrunk(pb.GetTrunkRequest(trunk_id=trunk.trunk_id))


# -- rules of dialing out ------------------------------------------------------------------------------------------


async def test_countries_are_as_their_tier_says_until_the_tenant_chooses(office) -> None:
    before = await office.rules()
    assert (before["TR"].allowed, before["CU"].allowed, before["001"].allowed) == (True, False, False)
    assert list(before["TR"].calling_codes) == ["90"] and len(before) > 200 and list(before) == sorted(before)
    await office.choose(TR="BLOCKED", CU="ALLOWED")
    after = await office.rules()
    assert (after["TR"].allowed, after["CU"].allowed) == (False, True)
    await office.choose(TR="BY_TIER")
    last = await office.rules()
    assert (last["TR"].allowed, last["CU"].allowed) == (True, True)


async def test_a_choice_nobody_could_mean_is_refused(office) -> None:
    for rule in (
        trunk_pb2.CountryRule(country="XX", choice=trunk_pb2.COUNTRY_CHOICE_ALLOWED),
        trunk_pb2.CountryRule(country="TR"),
    ):
        with pytest.raises(InvalidInput), office.as_():
            await office.outbound.UpdateCountryRules(pb.UpdateCountryRulesRequest(rules=[rule]))
    twice = trunk_pb2.CountryRule(country="TR", choice=trunk_pb2.COUNTRY_CHOICE_ALLOWED)
    for rules in ([], [twice, twice]):
        with pytest.raises(InvalidInput), office.as_():
            await office.outbound.UpdateCountryRules(pb.UpdateCountryRulesRequest(rules=rules))


async def test_limits_are_set_and_of_two_who_change_them_one_is_told(office) -> None:
    with office.as_():
        plain = await office.outbound.GetOutboundSettings(pb.GetOutboundSettingsRequest())
    assert (plain.HasField("spend_limit"), plain.max_calls_per_second, plain.version) == (False, 5, 0)
    limits = {
        "spend_limit": Money(currency="AZN", amount="50"),
        "risky_spend_limit": Money(currency="AZN", amount="7.5"),
    }
    made = await office.limit(**limits)
    assert (made.spend_limit.currency, made.risky_spend_limit.amount, made.version) == ("AZN", "7.50", 1)
    kept = await office.limit(version=1, max_calls_per_second=9)
    assert (kept.spend_limit.amount, kept.max_calls_per_second) == ("50.00", 9)
    with pytest.raises(Conflict):
        await office.limit(version=1, max_calls_per_second=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"spend_limit": Money(currency="EUR", amount="-1")},
        {"spend_limit": Money(currency="euro", amount="1")},
        {"spend_limit": Money(currency="EUR", amount="1"), "risky_spend_limit": Money(currency="USD", amount="1")},
        {"max_calls_per_second": 1000},
        {"spend_limit": Money(currency="EUR", amount="1e400")},
    ],
)
async def test_limits_that_can_not_be_meant_are_refused(office, fields) -> None:
    with pytest.raises(InvalidInput):
        await office.limit(**fields)

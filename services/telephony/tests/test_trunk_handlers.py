"""Trunks, desk phones and outbound rules as a caller sees them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import acting_as
from chassis.sealing import Seal
from kernel.clock import SystemClock
from kernel.errors import Conflict, DomainError, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.tenant import PLATFORM
from merkez.telephony.v1 import trunk_pb2
from merkez.telephony.v1 import trunk_service_pb2 as pb
from merkez.telephony.v1.trunk_service_pb2_grpc import (
    DeviceServiceStub,
    OutboundServiceStub,
    TrunkServiceStub,
    add_DeviceServiceServicer_to_server,
    add_OutboundServiceServicer_to_server,
    add_TrunkServiceServicer_to_server,
)
from merkez.tenancy.v1.number_service_pb2_grpc import add_NumberServiceServicer_to_server
from merkez.type.v1.money_pb2 import Money
from sqlalchemy import text
from telephony.clients import Tenancy
from telephony.domain import devices as device_rules
from telephony.domain.devices import Contact, DeviceNotFound, Register
from telephony.handlers import DeviceHandlers, OutboundHandlers, TrunkHandlers
from telephony.main import TRUNK_PASSWORDS
from telephony.ops import devices as device_ops
from telephony.ops import trunks as trunk_ops
from testkit import someone

from .neighbours import FakeTenancy

AGENT = "usr_01jd3v9k8r5x7m2p4q6s8t0w1y"


def an_id(prefix: str) -> str:
    return new_id(prefix, SystemClock().now())


class Office:
    """Telephony's trunks served, and people of a tenant to ask for them."""

    def __init__(self, db, rpc, clock, seal) -> None:
        self.db, self.clock, self.seal = db, clock, seal
        self.tenant = an_id("ten")
        self.trunks: Any = rpc.stub(TrunkServiceStub, "telephony")
        self.devices: Any = rpc.stub(DeviceServiceStub, "telephony")
        self.outbound: Any = rpc.stub(OutboundServiceStub, "telephony")
        self.numbers: Any = None

    def as_(self, role: str = "admin", tenant: str = ""):
        return acting_as(someone(role, tenant or self.tenant))

    async def trunk(self, request_id: str = "", password: str = "", **fields) -> trunk_pb2.Trunk:
        given = {"display_name": "Carrier", "gateways": [trunk_pb2.Gateway(host="sip.example")], "enabled": True}
        request = pb.CreateTrunkRequest(
            request_id=request_id or an_id("req"), trunk=trunk_pb2.Trunk(**{**given, **fields}), password=password
        )
        with self.as_():
            return await self.trunks.CreateTrunk(request)

    async def update(self, trunk_id: str, paths: list[str], version: int = 0, **fields) -> trunk_pb2.Trunk:
        request = pb.UpdateTrunkRequest(trunk=trunk_pb2.Trunk(trunk_id=trunk_id, **fields), version=version)
        request.update_mask.paths.extend(paths)
        with self.as_():
            return await self.trunks.UpdateTrunk(request)

    async def device(self, request_id: str = "", *, agent_id: str = AGENT, name: str = "Desk 7", **fields) -> Any:
        device = trunk_pb2.Device(agent_id=agent_id, display_name=name, **fields)
        with self.as_():
            return await self.devices.CreateDevice(
                pb.CreateDeviceRequest(request_id=request_id or an_id("req"), device=device)
            )

    async def listed(self, **asked) -> pb.ListDevicesResponse:
        with self.as_():
            return await self.devices.ListDevices(pb.ListDevicesRequest(**asked))

    async def sign_in(self, device_id: str, cseq: int = 1, **more):
        request = Register("call", cseq, [Contact("sip:x@192.0.2.7")], source="192.0.2.7", node_id="node-a", **more)
        now = self.clock.now()
        return await self.db.run(self.tenant, lambda tx: device_ops.register(tx, device_id, request, now))

    async def rules(self) -> dict[str, trunk_pb2.CountryRule]:
        with self.as_():
            found = await self.outbound.ListCountryRules(pb.ListCountryRulesRequest())
        return {each.country: each for each in found.rules}

    async def choose(self, **choices: str) -> None:
        rules = [
            trunk_pb2.CountryRule(country=country, choice=trunk_pb2.CountryChoice.Value(f"COUNTRY_CHOICE_{choice}"))
            for country, choice in choices.items()
        ]
        with self.as_():
            await self.outbound.UpdateCountryRules(pb.UpdateCountryRulesRequest(rules=rules))

    async def limit(self, version: int = 0, **fields) -> trunk_pb2.OutboundSettings:
        request = pb.UpdateOutboundSettingsRequest(settings=trunk_pb2.OutboundSettings(**fields), version=version)
        request.update_mask.paths.extend(fields)
        with self.as_():
            return await self.outbound.UpdateOutboundSettings(request)


@pytest.fixture
async def office(service_db, rpc, clock) -> Office:
    db = await service_db("telephony", clock=clock)
    seal = Seal.load(rpc.internal_key, TRUNK_PASSWORDS)
    numbers: Any = FakeTenancy()  # pyright: ignore[reportAbstractUsage]
    await rpc.serve("tenancy", [(add_NumberServiceServicer_to_server, numbers)])
    tenancy = Tenancy(rpc.peers("telephony"))
    await rpc.serve(
        "telephony",
        [
            (add_TrunkServiceServicer_to_server, TrunkHandlers(db, seal, tenancy)),
            (add_DeviceServiceServicer_to_server, DeviceHandlers(db, tenancy, "sip.merkez.example")),
            (add_OutboundServiceServicer_to_server, OutboundHandlers(db)),
        ],
    )
    made = Office(db, rpc, clock, seal)
    made.numbers = numbers
    return made


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason


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


# -- desk phones -------------------------------------------------------------------------------------------------


async def test_a_phones_secret_is_told_once_and_only_its_digests_are_kept(office) -> None:
    made = await office.device("once")
    again = await office.device("once")
    assert made.secret and made.domain == "sip.merkez.example"
    assert (again.secret, again.device) == ("", made.device)
    name = made.device.user_name
    tenant_id, device_id = await office.db.system(lambda tx: device_ops.find_by_user_name(tx, name))
    assert (tenant_id, device_id) == (office.tenant, made.device.device_id)
    row = await office.db.run(office.tenant, lambda tx: device_ops.get_device(tx, device_id))
    assert (row.ha1_sha256, row.ha1_md5) == device_rules.digests(name, made.secret)
    for table in ("devices", "requests"):
        found = await office.db.run(office.tenant, lambda tx, t=table: tx.all(text(f"select * from telephony.{t}")))
        assert made.secret not in str(found) and made.secret.encode() not in b"".join(
            each for row in found for each in row.values() if isinstance(each, bytes)
        )


async def test_where_a_phone_can_be_reached_is_listed_until_it_expires(office) -> None:
    made = await office.device()
    await office.sign_in(made.device.device_id, expires=120, user_agent="Fanvil")
    [device] = (await office.listed()).devices
    assert [(each.contact, each.user_agent) for each in device.bindings] == [("sip:x@192.0.2.7", "Fanvil")]
    now = office.clock.now()
    reached = await office.db.run(office.tenant, lambda tx: device_ops.reachable(tx, AGENT, now))
    assert [each.device_id for each, _ in reached] == [made.device.device_id]
    office.clock.advance(timedelta(seconds=121))
    assert not (await office.listed()).devices[0].bindings
    await office.db.system(lambda tx: device_ops.purge_bindings(tx, office.clock.now()))
    later = office.clock.now()
    assert await office.db.run(office.tenant, lambda tx: device_ops.reachable(tx, AGENT, later)) == []


async def test_two_registrations_of_a_phone_at_once_leave_the_newer(office) -> None:
    made = await office.device()
    await asyncio.gather(*(office.sign_in(made.device.device_id, cseq) for cseq in (1, 2, 3)), return_exceptions=True)
    kept = await office.db.run(
        office.tenant, lambda tx: device_ops.reachable(tx, AGENT, office.clock.now()), read_only=True
    )
    assert [each.cseq for _, places in kept for each in places] == [3]


async def test_a_phone_that_may_not_sign_in_is_reachable_no_more(office) -> None:
    made = await office.device()
    await office.sign_in(made.device.device_id)
    request = pb.UpdateDeviceRequest(device=made.device, version=made.device.version)
    request.device.enabled = False
    request.update_mask.paths.append("enabled")
    with office.as_():
        changed = await office.devices.UpdateDevice(request)
        assert not changed.enabled and not changed.bindings
        with pytest.raises(Conflict):
            await office.devices.UpdateDevice(request)
    with pytest.raises(DeviceNotFound):
        await office.sign_in(made.device.device_id, 2)


async def test_a_phone_is_given_a_brand_to_dial_for_and_another_companys_brand_is_refused(office) -> None:
    ours, theirs = an_id("brd"), an_id("brd")
    office.numbers.brands = {ours}
    made = await office.device(brand_id=ours)
    assert made.device.brand_id == ours
    with pytest.raises(NotFound):
        await office.device(brand_id=theirs)
    with pytest.raises(InvalidInput):
        await office.device(brand_id="somewhere")
    request = pb.UpdateDeviceRequest(device=trunk_pb2.Device(device_id=made.device.device_id, brand_id=theirs))
    request.update_mask.paths.append("brand_id")
    with office.as_():
        assert await reason_of(office.devices.UpdateDevice(request)) == "BRAND_NOT_FOUND"
        office.numbers.down = True
        request.device.brand_id = ""
        assert (await office.devices.UpdateDevice(request)).brand_id == "", "taking it away asks nobody"
    assert [each.brand_id for each in (await office.listed()).devices] == [""]


async def test_a_deleted_phone_and_another_tenants_are_not_there(office) -> None:
    made = await office.device()
    request = pb.DeleteDeviceRequest(device_id=made.device.device_id)
    with office.as_(tenant=an_id("ten")):
        assert await reason_of(office.devices.DeleteDevice(request)) == "DEVICE_NOT_FOUND"
    with office.as_():
        await office.devices.DeleteDevice(request)
        assert await reason_of(office.devices.DeleteDevice(request)) == "DEVICE_NOT_FOUND"
    name = made.device.user_name
    assert await office.db.system(lambda tx: device_ops.find_by_user_name(tx, name)) is None


async def test_a_phone_needs_an_agent_and_a_name_and_is_listed_by_agent(office) -> None:
    with pytest.raises(InvalidInput):
        await office.device(agent_id="somebody")
    with pytest.raises(InvalidInput):
        await office.device(name="  ")
    other = an_id("usr")
    await office.device()
    theirs = await office.device(agent_id=other)
    assert [each.device_id for each in (await office.listed(agent_id=other)).devices] == [theirs.device.device_id]


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

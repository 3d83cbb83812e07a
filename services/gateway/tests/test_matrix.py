"""Every public route against every way to knock wrongly: always the right problem, never a call behind the edge."""

from __future__ import annotations

import base64
import itertools
import json
import re
from typing import Any

import pytest
from chassis.permissions import PERMISSIONS_BY_ROLE, PUBLIC, allows
from gateway.contracts import methods
from gateway.rules import Route, load_rules
from kernel.tenant import PLATFORM

ROUTES = load_rules(methods())
DEEP = f"Bearer {base64.urlsafe_b64encode(b'[' * 3000).decode()}.a.b"
LARGE = b'{"requestId":"' + b"x" * 7_000_000 + b'"}'


def path_of(route: Route) -> str:
    """A request path of the route with made-up ids."""
    return re.sub(r"\{[^}]*\}", "x_01jd3v9k8r5x7m2p4q6s8t0w1y", route.template)


def wrong_role(route: Route) -> str:
    """A role that may not; empty when everybody signed in may."""
    for role in ("agent", "supervisor", "admin", "operator"):
        if not allows(route.method.permission, role, PERMISSIONS_BY_ROLE[role]):
            return role
    return ""


def right_role(route: Route) -> str:
    """A role that may."""
    roles = ((role, PERMISSIONS_BY_ROLE[role]) for role in ("owner", "admin", "operator"))
    return next(role for role, granted in roles if allows(route.method.permission, role, granted))


async def knock(house: Any, route: Route, headers: dict[str, str], content: bytes | None = None) -> Any:
    """One request; the answer is checked to be a proper problem."""
    body = content if content is not None else (b"{}" if route.has_body else None)
    sent = headers | ({"content-type": "application/json"} if body is not None else {})
    answer = await house.http.request(route.verb, path_of(route), content=body, headers=sent)
    problem = json.loads(answer.content)
    assert answer.headers["content-type"] == "application/problem+json", route.template
    assert problem["status"] == answer.status_code
    assert {"type", "title", "detail", "reason", "instance"} <= set(problem)
    assert re.fullmatch("[A-Z0-9_]+", problem["reason"])
    return answer


PRIVATE = [route for route in ROUTES if route.method.permission != PUBLIC]


async def test_every_private_route_refuses_strangers_and_bad_tokens(house: Any) -> None:
    forger = type(house.world.signer)()
    forger.key = forger.key.import_key(forger.key.as_dict(private=True) | {"kid": house.world.signer.key.kid})
    bad = {
        "UNAUTHENTICATED": "",
        "TOKEN_EXPIRED": house.token("owner", seconds=-60),
        "TOKEN_INVALID": forger.token("owner"),
        "API_KEY_REFUSED": "mrk_guess",
    }
    for route, (reason, token) in itertools.product(PRIVATE, bad.items()):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = await knock(house, route, headers)
        assert (answer.status_code, answer.json()["reason"]) == (401, reason), route.template
        assert "www-authenticate" in answer.headers
    assert set(house.world.seen) <= {"VerifyApiKey"}


async def test_every_private_route_refuses_a_role_that_may_not(house: Any) -> None:
    checked = 0
    for route in PRIVATE:
        role = wrong_role(route)
        if role:
            answer = await knock(house, route, house.as_role(role))
            assert (answer.status_code, answer.json()["reason"]) == (403, "PERMISSION_DENIED"), route.template
            assert answer.json()["metadata"]["permission"] == route.method.permission
            checked += 1
    assert checked > 40 and not house.world.seen


async def test_operator_reaches_nothing_of_a_company(house: Any) -> None:
    own = PERMISSIONS_BY_ROLE["operator"]
    reached = [route for route in PRIVATE if allows(route.method.permission, "operator", own)]
    assert {route.method.action.rpartition(".")[2] for route in reached} == {
        "OperatorService/ListTenants", "OperatorService/SuspendTenant", "OperatorService/ResumeTenant",
        "OperatorService/ListBroughtNumbers", "OperatorService/ApproveNumbers", "OperatorService/RevokeNumbers",
        "OperatorPlanService/ListAllPlans", "OperatorPlanService/CheckPlan", "OperatorPlanService/CreatePlan",
        "OperatorPlanService/CreatePlanVersion", "OperatorPlanService/UpdatePlanDraft",
        "OperatorPlanService/PublishPlan", "OperatorPlanService/RetirePlan", "OperatorPlanService/ListAllAddOns",
        "OperatorPlanService/CreateAddOn", "OperatorPlanService/CreateAddOnVersion",
        "OperatorPlanService/UpdateAddOnDraft", "OperatorPlanService/PublishAddOn", "OperatorPlanService/RetireAddOn",
        "AuditService/ListAuditEntries", "UserService/GetMe",
        *(f"InventoryService/{verb}" for verb in ("ListInventory", "ImportInventory", "UpdateInventoryNumber")),
        *(f"InventoryService/{verb}" for verb in ("RemoveInventoryNumber", "SetQuarantine", "ListNumberHistory")),
        *(f"TrunkService/{verb}Trunk" for verb in ("Create", "Get", "Update", "Delete", "Test")),
        "TrunkService/ListTrunks", "TrunkService/GetTrunkHealth", "TrunkService/SetTrunkPassword",
        *(f"NodeService/{verb}" for verb in ("ListNodes", "DrainNode", "UndrainNode")),
        *(f"RateDeckService/{verb}RateDeck" for verb in ("Create", "Get", "Export")), "RateDeckService/ListRateDecks",
        *(f"RateDeckService/{verb}" for verb in ("BeginRateDeckImport", "UploadRateDeckPart", "CheckRateDeckImport")),
        *(f"RateDeckService/{verb}" for verb in ("ActivateRateDeckVersion", "ChangeRateDeckMarkup", "LookUpRate")),
        *(f"WalletOperatorService/{verb}" for verb in ("GetTenantWallet", "ListTenantLedgerEntries")),
        *(f"WalletOperatorService/{verb}" for verb in ("ConfigureWallet", "TopUpWallet", "TakeBackGrant")),
        "DifferenceService/ListDifferences", "DifferenceService/ReconcileTenant",
        *(f"OutboundService/{verb}CountryRules" for verb in ("List", "Update")),
        *(f"OutboundService/{verb}OutboundSettings" for verb in ("Get", "Update")),
        *(f"InvoiceOperatorService/{verb}" for verb in (
            "ListAllInvoices", "GetTenantInvoice", "GetTenantInvoiceDocument", "FinalizeInvoice", "UpdateInvoice",
            "RecordPayment", "VoidInvoice", "CreateCreditNote", "RebuildInvoice", "ListLegalEntities",
            "CreateLegalEntity", "UpdateLegalEntity", "GetTenantBillingProfile", "SetBillingTerms",
            "ReissueInvoice", "ListLeftOutUsage", "BillLeftOutUsage", "GetTenantCredit", "PayBackCredit",
        )),
        "LimitService/ListLimitPassings", "ClientBillService/ListPriceLists", "ClientBillService/SavePriceList",
        *(f"ResaleService/{verb}" for verb in ("GetWholesaleStatement", "ListResales", "SetReseller")),
        "UsageOperatorService/RecordTenantUsage",
        *(f"MeterService/{verb}" for verb in ("ListMeters", "CreateMeter", "UpdateMeter")),
        *(f"CouponService/{verb}" for verb in ("CreateCoupon", "ListCoupons", "ArchiveCoupon", "GiveCoupon")),
        *(f"TaxService/{verb}" for verb in ("ListTaxRates", "CreateTaxRate", "EndTaxRate")),
        *(f"TaxService/{verb}TenantTaxData" for verb in ("Get", "Set")),
    }  # fmt: skip
    for route in PRIVATE:
        if route not in reached:
            answer = await knock(house, route, house.as_role("operator"))
            assert (answer.status_code, answer.json()["reason"]) == (403, "PERMISSION_DENIED"), route.template
    assert not house.world.seen


async def test_every_route_refuses_a_malformed_body(house: Any) -> None:
    for route in ROUTES:
        # Signed bytes go on as they came to whom their signature tells whether they are whole.
        if route.signed_by or route.method.action.endswith("/ReceiveCarrierEvent"):
            continue
        headers = house.as_role(right_role(route))
        answer = await knock(house, route, headers, b'{"broken": ')
        assert answer.status_code == 400, route.template
        assert answer.json()["reason"] == ("JSON_INVALID" if route.has_body else "BODY_UNEXPECTED")
        unknown = b'{"noSuchField": 1}'
        if route.has_body:
            answer = await knock(house, route, headers, unknown)
            assert answer.json()["errors"][0]["field"] == "noSuchField", route.template
    assert not house.world.seen


async def test_every_route_refuses_seven_megabytes(house: Any) -> None:
    for route in ROUTES:
        answer = await knock(house, route, house.as_role(right_role(route)), LARGE)
        expected = (413, "BODY_TOO_LARGE") if route.has_body else (400, "BODY_UNEXPECTED")
        assert (answer.status_code, answer.json()["reason"]) == expected, route.template
    assert not house.world.seen


async def test_every_list_refuses_an_unknown_parameter(house: Any) -> None:
    for route in ROUTES:
        if not route.has_body:
            headers = house.as_role(right_role(route))
            answer = await house.http.request(route.verb, path_of(route) + "?nope=1", headers=headers)
            assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "nope", route.template


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "somebody-else"},
        {"role": "service"},
        {"role": "customer"},
        {"role": "god"},
        {"sub": ""},
        {"tenant": ""},
        {"tenant": PLATFORM},
        {"role": "operator", "tenant": "ten_1"},
        {"role": "operator", "tenant": ""},
        {"exp": "tomorrow"},
        {"nbf": 99_999_999_999},
    ],
)
async def test_token_with_strange_claims_is_refused(house: Any, claims: dict[str, Any]) -> None:
    signer = house.world.signer
    headers = {"authorization": f"Bearer {signer.token(**({'role': 'owner'} | claims))}"}
    answer = await house.http.get("/v1/queues", headers=headers)
    assert answer.status_code == 401 and answer.json()["reason"] in ("TOKEN_INVALID", "TOKEN_EXPIRED")


@pytest.mark.parametrize(
    "authorization", ["Basic abc", "Bearer", "Bearer a.b.c", DEEP, "Bearer " + "a" * 9000, "mrk_x"]
)
async def test_strange_authorization_headers_are_refused(house: Any, authorization: str) -> None:
    answer = await house.http.get("/v1/queues", headers={"authorization": authorization})
    assert answer.status_code == 401 and answer.headers["content-type"] == "application/problem+json"


async def test_unsigned_token_is_refused(house: Any) -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    key_id = house.world.signer.key.kid
    for algorithm in ("none", "HS256"):
        claims = {"sub": "usr_1", "tenant": "ten_1", "role": "owner", "aud": "merkez", "exp": 9_999_999_999}
        token = f"{part({'alg': algorithm, 'kid': key_id})}.{part(claims)}."
        answer = await house.http.get("/v1/queues", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401

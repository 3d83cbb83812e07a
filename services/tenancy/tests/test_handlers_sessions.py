"""Signing up, in and out, as a caller sees it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import STRANGER, acting_as
from joserfc import jwt
from joserfc.jwk import KeySet
from kernel.errors import AlreadyExists, DomainError, InvalidInput, NotFound, QuotaExceeded, Unauthenticated
from merkez.tenancy.v1 import session_pb2, session_service_pb2
from tenancy.domain.attempts import AT_ONE_ADDRESS, FROM_EVERYWHERE
from tenancy.domain.sessions import IDLE_LIFE, LONGEST_LIFE


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason


async def sign_up(town: Any, request: Any) -> Any:
    with acting_as(STRANGER):
        return await town.stubs.tenants.SignUp(request)


async def test_company_signs_up_and_its_owner_is_signed_in(town: Any) -> None:
    firm = await town.sign_up(company_name="  Acme Contact ")
    assert firm.tenant.display_name == "Acme Contact"
    assert (firm.tenant.plan_id, firm.tenant.currency, firm.tenant.language) == ("growth", "EUR", "tr")
    assert firm.session.user.role == session_pb2.ROLE_OWNER and firm.session.tenant_id == firm.tenant_id


async def test_access_token_says_who_and_is_good_for_five_minutes(town: Any, firm: Any) -> None:
    with acting_as(STRANGER):
        keys = await town.stubs.sessions.GetSigningKeys(session_service_pb2.GetSigningKeysRequest())
    known = KeySet.import_key_set(json.loads(keys.jwks_json))
    claims = jwt.decode(firm.session.access_token, known, algorithms=["Ed25519"]).claims
    assert (claims["tenant"], claims["role"], claims["aud"]) == (firm.tenant_id, "owner", "merkez")
    assert claims["exp"] - claims["iat"] == 300 and '"d"' not in keys.jwks_json


async def test_address_that_signs_in_already_is_taken_however_it_is_written(town: Any, firm: Any) -> None:
    assert await reason_of(town.sign_up(firm.email.upper())) == "EMAIL_TAKEN"


async def test_repeated_sign_up_with_the_right_password_is_the_same_company(town: Any) -> None:
    request = town.sign_up_request()
    first, again = await sign_up(town, request), await sign_up(town, request)
    assert again.tenant == first.tenant and again.session.refresh_token != first.session.refresh_token


async def test_repeated_sign_up_with_another_password_learns_nothing(town: Any) -> None:
    request = town.sign_up_request()
    await sign_up(town, request)
    request.password = "another good password"
    assert await reason_of(sign_up(town, request)) == "EMAIL_TAKEN"


async def test_repeated_sign_up_is_no_way_around_the_limit_of_guesses(town: Any) -> None:
    request = town.sign_up_request()
    await sign_up(town, request)
    request.password = "another good password"
    reasons = [await reason_of(sign_up(town, request)) for _ in range(AT_ONE_ADDRESS + 1)]
    assert reasons == ["EMAIL_TAKEN"] * AT_ONE_ADDRESS + ["TOO_MANY_ATTEMPTS"]


async def test_same_request_id_for_another_company_is_refused(town: Any) -> None:
    request = town.sign_up_request()
    await sign_up(town, request)
    request.company_name = "Another"
    assert await reason_of(sign_up(town, request)) == "REQUEST_ID_REUSED"


async def test_two_sign_ups_of_one_request_at_once_make_one_company(town: Any) -> None:
    request = town.sign_up_request()
    first, second = await asyncio.gather(sign_up(town, request), sign_up(town, request))
    assert first.tenant.tenant_id == second.tenant.tenant_id


async def test_two_strangers_race_for_one_address_and_one_gets_it(town: Any) -> None:
    email = town.sign_up_request().email
    found = await asyncio.gather(town.sign_up(email), town.sign_up(email), return_exceptions=True)
    [lost] = [each for each in found if isinstance(each, BaseException)]
    assert isinstance(lost, AlreadyExists) and lost.reason == "EMAIL_TAKEN"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"password": "short"}, "password"),
        ({"email": "nobody"}, "email"),
        ({"company_name": " "}, "company_name"),
        ({"company_name": "Acme\r\nBcc: x"}, "company_name"),
        ({"owner_name": ""}, "owner_name"),
        ({"language": "de"}, "language"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"request_id": ""}, "request_id"),
    ],
)
async def test_sign_up_names_the_field_that_is_wrong(town: Any, wrong: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await town.sign_up(**wrong)
    assert refused.value.fields[0].field == field


async def test_plan_nobody_sells_is_not_found(town: Any) -> None:
    with pytest.raises(NotFound) as refused:
        await town.sign_up(plan_id="platinum")
    assert refused.value.reason == "PLAN_NOT_FOUND"


async def test_owner_signs_in_however_the_address_is_written(town: Any, firm: Any) -> None:
    session = await town.sign_in(f" {firm.email.upper()} ")
    assert session.user.user_id == firm.session.user.user_id and session.session_id != firm.session.session_id


async def test_unknown_wrong_and_disabled_get_the_same_answer(town: Any, firm: Any) -> None:
    joined = await firm.join("agent", "ayla@acme.example")
    await _disable(town, firm, joined.user.user_id)
    said = []
    for email, password in (
        ("nobody@acme.example", "correct horse battery"),
        (firm.email, "wrong password"),
        (firm.email, "x" * 300),
        ("ayla@acme.example", "correct horse battery"),
        ("not an address", "correct horse battery"),
        ("", ""),
    ):
        with pytest.raises(Unauthenticated) as refused:
            await town.sign_in(email, password)
        said.append((refused.value.reason, refused.value.message))
    assert set(said) == {("SIGN_IN_REFUSED", "The e-mail address or the password is wrong.")}


async def test_guesses_at_one_address_are_limited_and_the_wait_is_said(town: Any, firm: Any) -> None:
    for _ in range(AT_ONE_ADDRESS):
        assert await reason_of(town.sign_in(firm.email, "wrong password")) == "SIGN_IN_REFUSED"
    town.clock.advance(60)
    with pytest.raises(QuotaExceeded) as refused:
        await town.sign_in(firm.email)
    assert refused.value.reason == "TOO_MANY_ATTEMPTS" and refused.value.retry_after == timedelta(minutes=14)
    await town.sign_in(firm.email, address="203.0.113.9")
    town.clock.advance(timedelta(minutes=14))
    await town.sign_in(firm.email)


async def test_nobody_learns_by_the_limit_whether_an_address_is_anybodys(town: Any) -> None:
    for _ in range(AT_ONE_ADDRESS):
        assert await reason_of(town.sign_in("ghost@acme.example")) == "SIGN_IN_REFUSED"
    assert await reason_of(town.sign_in("ghost@acme.example")) == "TOO_MANY_ATTEMPTS"


async def test_right_password_clears_what_failed_before_it(town: Any, firm: Any) -> None:
    for _ in range(3):
        for _ in range(AT_ONE_ADDRESS - 1):
            assert await reason_of(town.sign_in(firm.email, "wrong password")) == "SIGN_IN_REFUSED"
        await town.sign_in(firm.email)


async def test_guesses_sent_all_at_once_are_counted_one_by_one(town: Any, firm: Any) -> None:
    tries = [reason_of(town.sign_in(firm.email, f"wrong password {n}")) for n in range(2 * AT_ONE_ADDRESS)]
    reasons = await asyncio.gather(*tries)
    assert reasons.count("SIGN_IN_REFUSED") <= AT_ONE_ADDRESS


async def test_botnet_can_neither_guess_on_nor_lock_the_owner_out_at_home(town: Any, firm: Any) -> None:
    await town.sign_in(firm.email, address="192.0.2.1")
    bots = [f"2001:db8:{n:x}::" for n in range(FROM_EVERYWHERE // AT_ONE_ADDRESS)]
    for bot in bots:
        for _ in range(AT_ONE_ADDRESS):
            assert await reason_of(town.sign_in(firm.email, "wrong password", bot)) == "SIGN_IN_REFUSED"
    assert await reason_of(town.sign_in(firm.email, "wrong password", "203.0.113.200")) == "TOO_MANY_ATTEMPTS"
    await town.sign_in(firm.email, address="192.0.2.1")


async def test_refresh_gives_a_new_token_and_the_person_as_they_are_now(town: Any, firm: Any) -> None:
    fresh = await town.refresh(firm.session.refresh_token)
    assert fresh.session_id == firm.session.session_id and fresh.refresh_token != firm.session.refresh_token
    assert (await town.refresh(fresh.refresh_token)).user == firm.session.user


async def test_two_tabs_refresh_at_once_and_both_go_on(town: Any, firm: Any) -> None:
    token = firm.session.refresh_token
    one, other = await asyncio.gather(town.refresh(token), town.refresh(token))
    town.clock.advance(9)
    late = await town.refresh(token)
    assert len({one.refresh_token, other.refresh_token, late.refresh_token}) == 3
    town.clock.advance(240)
    await town.refresh(late.refresh_token)


async def test_token_used_again_after_the_grace_ends_the_session_for_everybody(town: Any, firm: Any) -> None:
    fresh = await town.refresh(firm.session.refresh_token)
    town.clock.advance(11)
    assert await reason_of(town.refresh(firm.session.refresh_token)) == "SESSION_ENDED"
    assert await reason_of(town.refresh(fresh.refresh_token)) == "SESSION_ENDED"
    await town.sign_in(firm.email)


async def test_token_stolen_from_the_other_tab_ends_the_session_too(town: Any, firm: Any) -> None:
    kept, stolen = await town.refresh(firm.session.refresh_token), await town.refresh(firm.session.refresh_token)
    town.clock.advance(240)
    fresh = await town.refresh(kept.refresh_token)
    town.clock.advance(240)
    assert await reason_of(town.refresh(stolen.refresh_token)) == "SESSION_ENDED"
    assert await reason_of(town.refresh(fresh.refresh_token)) == "SESSION_ENDED"


async def test_session_nobody_uses_ends_and_no_session_lives_for_ever(town: Any, firm: Any) -> None:
    idle = await town.sign_in(firm.email)
    session, begun = firm.session, town.clock.now()
    while town.clock.now() + timedelta(days=20) < begun + LONGEST_LIFE:
        town.clock.advance(timedelta(days=20))
        session = await town.refresh(session.refresh_token)
    assert town.clock.now() > begun + IDLE_LIFE
    assert await reason_of(town.refresh(idle.refresh_token)) == "SESSION_ENDED"
    assert session.refresh_expire_time.ToDatetime(town.clock.now().tzinfo) == begun + LONGEST_LIFE
    town.clock.advance(timedelta(days=11))
    assert await reason_of(town.refresh(session.refresh_token)) == "SESSION_ENDED"


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 5000])
async def test_token_nobody_gave_is_refused(town: Any, token: str) -> None:
    assert await reason_of(town.refresh(token)) == "SESSION_ENDED"
    await town.sign_out(token)


async def test_signed_out_is_out_and_only_there(town: Any, firm: Any) -> None:
    elsewhere = await town.sign_in(firm.email)
    await town.sign_out(firm.session.refresh_token)
    await town.sign_out(firm.session.refresh_token)
    assert await reason_of(town.refresh(firm.session.refresh_token)) == "SESSION_ENDED"
    await town.refresh(elsewhere.refresh_token)


async def test_disabled_user_is_out_at_the_next_refresh(town: Any, firm: Any) -> None:
    joined = await firm.join("agent")
    await _disable(town, firm, joined.user.user_id)
    assert await reason_of(town.refresh(joined.refresh_token)) == "SESSION_ENDED"


async def test_without_a_provider_there_is_no_openid_button(town: Any) -> None:
    with acting_as(STRANGER):
        options = await town.stubs.sessions.GetSignInOptions(session_service_pb2.GetSignInOptionsRequest())
        assert not options.oidc_enabled
        start = session_service_pb2.StartOidcSignInRequest(redirect_uri="http://localhost:8080/sign-in/return")
        assert await reason_of(town.stubs.sessions.StartOidcSignIn(start)) == "OIDC_SIGN_IN_REFUSED"


async def _disable(town: Any, firm: Any, user_id: str) -> None:
    change = session_service_pb2.UpdateUserRequest(
        user=session_pb2.User(user_id=user_id, state=session_pb2.USER_STATE_DISABLED)
    )
    change.update_mask.paths.append("state")
    with firm.as_():
        await town.stubs.users.UpdateUser(change)

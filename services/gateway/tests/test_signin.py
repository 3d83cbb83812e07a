"""Sessions: a browser's refresh token is in a cookie no script reads; a program's is in the body."""

from __future__ import annotations

from typing import Any

CREDENTIALS = {"email": "olivia@example.com", "password": "correct horse"}
BROWSER = {"x-merkez-browser": "1"}
PAGE = {"sec-fetch-site": "same-origin"}


async def test_browser_gets_its_refresh_token_as_a_cookie_only(house: Any) -> None:
    for headers in (BROWSER, PAGE):
        answer = await house.http.post("/v1/sessions:signIn", json=CREDENTIALS, headers=headers)
        assert answer.status_code == 200 and "refreshToken" not in answer.json() and answer.json()["accessToken"]
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("mrk_refresh=refresh-secret") and "Path=/v1;" in cookie + ";"
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "expires=" in cookie
        assert "Secure" not in cookie, "plain http on this machine"


async def test_cookie_is_secure_behind_https(make_house: Any) -> None:
    house = await make_house(public_url="https://cc.example")
    answer = await house.http.post("/v1/sessions:signIn", json=CREDENTIALS, headers=BROWSER)
    assert "Secure" in answer.headers["set-cookie"] and "strict-transport-security" in answer.headers


async def test_program_gets_its_refresh_token_in_the_body(house: Any) -> None:
    answer = await house.http.post("/v1/sessions:signIn", json=CREDENTIALS)
    assert answer.json()["refreshToken"] == "refresh-secret" and "set-cookie" not in answer.headers
    again = await house.http.post("/v1/sessions:refresh", json={"refreshToken": "refresh-secret"})
    assert again.status_code == 200 and again.json()["refreshToken"] == "refresh-secret"


async def test_sign_up_signs_the_browser_in(house: Any) -> None:
    answer = await house.http.post("/v1/tenants:signUp", json={"requestId": "r"}, headers=BROWSER)
    assert "refreshToken" not in answer.json()["session"] and answer.json()["session"]["accessToken"]
    assert "mrk_refresh=refresh-secret" in answer.headers["set-cookie"]


async def test_cookie_renews_the_session_on_our_own_pages_only(house: Any) -> None:
    cookies = {"cookie": "mrk_refresh=refresh-secret"}
    for headers in (BROWSER, PAGE):
        answer = await house.http.post("/v1/sessions:refresh", json={}, headers=headers | cookies)
        assert answer.status_code == 200 and "refreshToken" not in answer.json()
    for headers in ({}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"} | BROWSER):
        answer = await house.http.post("/v1/sessions:refresh", json={}, headers=headers | cookies)
        assert answer.status_code == 403 and answer.json()["reason"] == "CROSS_SITE_REFUSED"
    house.http.cookies.clear()
    missing = await house.http.post("/v1/sessions:refresh", json={}, headers=BROWSER)
    assert missing.status_code == 401 and missing.json()["reason"] == "SESSION_MISSING"


async def test_session_that_is_over_takes_its_cookie_along(house: Any) -> None:
    headers = BROWSER | {"cookie": "mrk_refresh=used-twice"}
    answer = await house.http.post("/v1/sessions:refresh", json={}, headers=headers)
    assert answer.status_code == 401 and 'mrk_refresh=""' in answer.headers["set-cookie"]
    out = await house.http.post(
        "/v1/sessions:signOut", json={}, headers=BROWSER | {"cookie": "mrk_refresh=refresh-secret"}
    )
    assert out.status_code == 200 and 'mrk_refresh=""' in out.headers["set-cookie"]
    assert house.world.seen["SignOut"][0][1].refresh_token == "refresh-secret"


async def test_sign_in_is_noted_for_the_one_who_signed_in(house: Any) -> None:
    await house.http.post("/v1/sessions:signIn", json=CREDENTIALS)
    await house.http.post("/v1/sessions:signIn", json=CREDENTIALS | {"password": "wrong"})
    assert [(entry.subject, entry.action, entry.outcome) for entry in await house.audited()] == [
        ("usr_owner", "tenancy.v1.SessionService/SignIn", "OK")
    ], "who failed to sign in has no tenant whose log could tell"

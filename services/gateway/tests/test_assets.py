"""The web app's files and the API's page."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest_asyncio
from openapi_spec_validator import validate


@pytest_asyncio.fixture
async def site(make_house: Any, tmp_path: Path) -> Any:
    """A gateway with a built web app."""
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (dist / "index.html").write_text("<!doctype html><title>app</title><script>boot()</script>" + " " * 2000)
    (dist / "brand.html").write_text("<!doctype html><title>brand</title>")
    (dist / "widget.js").write_text("widget()")
    (dist / "assets" / "app-D3adB33f.js").write_text("app()" * 1000)
    (dist / "assets" / "app-D3adB33f.js.br").write_bytes(b"brotli")
    return await make_house(web_dist=str(dist))


async def test_every_page_of_the_app_is_its_index(site: Any) -> None:
    for path in ("/", "/sign-up", "/desktop", "/invitations/abc123", "/admin/queues"):
        answer = await site.http.get(path)
        assert (
            answer.status_code == 200 and "<title>app" in answer.text and answer.headers["cache-control"] == "no-cache"
        )
    assert "<title>brand" in (await site.http.get("/brand/wk_public")).text


async def test_pages_say_what_they_may_load_and_do(site: Any) -> None:
    headers = (await site.http.get("/")).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "'sha256-" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert "microphone=(self)" in headers["permissions-policy"] and headers["x-content-type-options"] == "nosniff"


async def test_hashed_files_are_kept_for_ever_and_compressed(site: Any) -> None:
    path = "/assets/app-D3adB33f.js"
    async with site.http.stream("GET", path, headers={"accept-encoding": "gzip, br"}) as answer:
        assert answer.headers["content-encoding"] == "br" and "immutable" in answer.headers["cache-control"]
    async with site.http.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert gzip.decompress(raw) == b"app()" * 1000
    etag = answer.headers["etag"]
    assert (await site.http.get(path, headers={"if-none-match": etag})).status_code == 304


async def test_widget_may_be_included_by_any_site(site: Any) -> None:
    headers = (await site.http.get("/widget.js")).headers
    assert headers["access-control-allow-origin"] == "*" and headers["cross-origin-resource-policy"] == "cross-origin"


async def test_nothing_outside_the_folder_is_served(site: Any) -> None:
    for path in (
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/.env",
        "/nothing.js",
        "/%00",
    ):
        answer = await site.http.get(path)
        assert "secret" not in answer.text, path
        assert answer.status_code in (200, 404)
    assert (await site.http.get("/nothing.js")).status_code == 404
    assert (await site.http.post("/")).status_code == 405


async def test_app_that_is_not_built_says_so(house: Any) -> None:
    answer = await house.http.get("/")
    assert answer.status_code == 503 and "make run" in answer.text


async def test_api_document_and_its_page_are_served_from_here(house: Any) -> None:
    document = await house.http.get("/openapi.json")
    validate(document.json())
    page = await house.http.get("/docs")
    assert page.status_code == 200 and "https://" not in page.text
    for path in ("/docs/docs.js", "/docs/docs.css"):
        assert (await house.http.get(path)).status_code == 200

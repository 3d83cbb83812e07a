"""The public HTTP application: what stands at which path, and the headers every answer carries."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from chassis.bus import Bus
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.assets import SECURITY_HEADERS, Asset, Assets, content_security_policy, page_asset
from gateway.rest import Rest, json_response
from gateway.socket.agent import AgentSockets
from gateway.socket.hub import Hub
from gateway.socket.widget import Widgets
from gateway.tokens import SigningKeys

_PAGES = {"docs.html": "text/html", "docs.css": "text/css; charset=utf-8", "docs.js": "text/javascript; charset=utf-8"}


class Health:
    """Whether this process lives, and whether it should get traffic."""

    def __init__(self, keys: SigningKeys, bus: Bus, hub: Hub):
        self._keys = keys
        self._bus = bus
        self._hub = hub

    @property
    def leaving(self) -> bool:
        """Whether this gateway is about to stop."""
        return self._hub.draining

    async def live(self, request: Request) -> Response:
        """GET /healthz: never depends on a neighbour."""
        return json_response({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """GET /readyz: it knows the signing keys, hears facts, and is not about to stop."""
        if not self._keys.known:
            with contextlib.suppress(Exception):  # what is missing is said below
                await self._keys.refresh(1.0)
        checks = {
            "signingKeys": self._keys.known,
            "facts": self._bus.connected,
            "accepting": not self.leaving,
        }
        return json_response({"ready": all(checks.values()), "checks": checks}, 200 if all(checks.values()) else 503)


def build_app(
    rest: Rest,
    document: dict[str, Any],
    assets: Assets,
    agents: AgentSockets,
    widgets: Widgets,
    health: Health,
    *,
    https: bool = False,
) -> ASGIApp:
    """Everything under one roof."""
    pages = {name: _page(name, kind) for name, kind in _PAGES.items()}
    pages["openapi.json"] = page_asset(json.dumps(document, separators=(",", ":")).encode(), "application/json")
    routes: list[BaseRoute] = [
        WebSocketRoute("/v1/socket", agents.serve),
        WebSocketRoute("/widget/v1/socket", widgets.serve),
        Route("/v1/{rest:path}", rest),
        Route("/widget/v1/{widget_key}", widgets.show, methods=["GET", "OPTIONS"]),
        Route("/openapi.json", _serve_page(pages["openapi.json"], any_origin=True)),
        Route("/docs", _serve_page(pages["docs.html"])),
        Route("/docs/docs.css", _serve_page(pages["docs.css"])),
        Route("/docs/docs.js", _serve_page(pages["docs.js"])),
        Route("/healthz", health.live),
        Route("/readyz", health.ready),
        Route("/{rest:path}", assets.serve, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    return _Headers(Starlette(routes=routes), health, https)


class _Headers:
    # Outermost, so that an answer made by a library carries them as well. Who is answered while this gateway is about
    # to stop is told to connect anew: a connection that stays would be closed just as the next request comes in.
    def __init__(self, app: ASGIApp, health: Health, https: bool):
        self._app = app
        self._health = health
        self._added = [(b"x-content-type-options", b"nosniff")]
        if https:
            self._added.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = [*self._added, *([(b"connection", b"close")] if self._health.leaving else ())]
                message["headers"] = [*message["headers"], *(each for each in added if each[0] not in present)]
            await send(message)

        await self._app(scope, receive, sending)


def _page(name: str, kind: str) -> Asset:
    return page_asset(resources.files("gateway").joinpath("pages", name).read_bytes(), kind)


def _serve_page(asset: Asset, *, any_origin: bool = False) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        headers = SECURITY_HEADERS | {"Cache-Control": "no-cache", "ETag": asset.etag, "Vary": "Accept-Encoding"}
        headers["Content-Security-Policy"] = content_security_policy(asset.scripts)
        if any_origin:
            headers["Access-Control-Allow-Origin"] = "*"
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers)
        if "gzip" in request.headers.get("accept-encoding", "") and "gzip" in asset.packed:
            return Response(asset.packed["gzip"], 200, headers | {"Content-Encoding": "gzip"}, asset.media_type)
        return Response(asset.content, 200, headers, asset.media_type)

    return serve

"""Sessions in a browser: the refresh token lives in an HttpOnly cookie that no script can read.

A browser is known by `X-Merkez-Browser: 1`, or by Sec-Fetch-Site, which only browsers send and no script can forge.
It never gets a refresh token in a body. The cookie is believed only on a request of our own pages: SameSite=Strict
keeps other sites' requests without it, and the header check does so for browsers that don't know SameSite.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from kernel.errors import Forbidden, Unauthenticated
from merkez.tenancy.v1.session_pb2 import Session
from merkez.tenancy.v1.session_service_pb2 import RefreshSessionRequest, SignOutRequest
from starlette.requests import Request
from starlette.responses import Response

COOKIE = "mrk_refresh"
BROWSER_HEADER = "x-merkez-browser"
# RFC 6265 5.1.4: a path matches up to a slash, so /v1/sessions would not match /v1/sessions:refresh.
COOKIE_PATH = "/v1"


class SessionMissing(Unauthenticated):
    """Neither a refresh token nor its cookie came with the request."""

    reason = "SESSION_MISSING"


class CrossSiteRefused(Forbidden):
    """A request that is not from our own pages tried to use the session's cookie."""

    reason = "CROSS_SITE_REFUSED"


class SignIn:
    """Moves refresh tokens between cookies and messages."""

    def __init__(self, public_url: str = ""):
        self._always_secure = public_url.startswith("https:")

    def fill(self, request: Request, message: Message) -> None:
        """Put the cookie's refresh token into a request that has none."""
        if not isinstance(message, RefreshSessionRequest | SignOutRequest) or message.refresh_token:
            return
        token = request.cookies.get(COOKIE, "")
        if not token:
            raise SessionMissing("there is no session: sign in")
        if not _own_page(request):
            raise CrossSiteRefused(f"send the header {BROWSER_HEADER}: 1")
        message.refresh_token = token

    def hide(self, request: Request, answer: Message, body: dict[str, Any]) -> str:
        """Take the refresh token out of a browser's body; returns it for the cookie, or an empty string."""
        session = answer if isinstance(answer, Session) else getattr(answer, "session", None)
        if not isinstance(session, Session) or not is_browser(request):
            return ""
        inner = body if isinstance(answer, Session) else body.get("session", {})
        inner.pop("refreshToken", None)
        return session.refresh_token

    def keep(self, request: Request, response: Response, answer: Message, token: str) -> None:
        """Set the cookie for as long as the session lives."""
        session: Any = answer if isinstance(answer, Session) else getattr(answer, "session", None)
        response.set_cookie(
            COOKIE,
            token,
            expires=session.refresh_expire_time.ToDatetime().strftime("%a, %d %b %Y %H:%M:%S GMT"),
            path=COOKIE_PATH,
            secure=self._secure(request),
            httponly=True,
            samesite="strict",
        )

    def forget(self, request: Request, response: Response) -> None:
        """Delete the cookie."""
        response.delete_cookie(COOKIE, path=COOKIE_PATH, secure=self._secure(request), httponly=True, samesite="strict")

    def _secure(self, request: Request) -> bool:
        return self._always_secure or request.url.scheme == "https"


def is_browser(request: Request) -> bool:
    """Whether a page asks, not a program."""
    return request.headers.get(BROWSER_HEADER) == "1" or "sec-fetch-site" in request.headers


def _own_page(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    # A page of another origin can't add this header without a preflight, which we refuse.
    return request.headers.get(BROWSER_HEADER) == "1"

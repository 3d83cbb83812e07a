"""The web app's files: read from the built folder, compressed once, with the headers a browser needs to be careful."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import mimetypes
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

_COMPRESSIBLE = re.compile(r"text/|application/(javascript|json|manifest\+json)|image/svg")
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_HASHED = re.compile(r"-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
_FOREVER = "public, max-age=31536000, immutable"
_FRESH = "no-cache"
_WIDGET = "public, max-age=300"

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "microphone=(self), autoplay=(self), speaker-selection=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NOT_BUILT = b"""<!doctype html><meta charset=utf-8><title>Merkez</title>
<p>The web app is not built yet. Run <code>make run</code>, or <code>npm run build</code> in services/web.</p>"""


@dataclass(frozen=True)
class Asset:
    """A file as it is served."""

    content: bytes
    packed: dict[str, bytes]
    """Encoding (br, gzip) -> compressed bytes."""
    media_type: str
    etag: str
    scripts: tuple[str, ...]
    """CSP hashes of a page's inline scripts."""


class Assets:
    """Serves the built web app; every path that is no file is a page of the app."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._known: dict[Path, tuple[float, Asset]] = {}

    async def serve(self, request: Request) -> Response:
        """A file, or the page of the single-page app that the path belongs to."""
        if request.method not in ("GET", "HEAD"):
            return Response("only GET", 405, {"Allow": "GET, HEAD"}, "text/plain")
        path = unquote(request.url.path).lstrip("/")
        file = self._inside(path)
        if file is not None:
            return self._answer(request, await self._load(file), _caching(path))
        if "." in path.rsplit("/", 1)[-1]:
            return Response("not found", 404, SECURITY_HEADERS, "text/plain")
        page = self._inside("brand.html") if path.startswith("brand/") else None
        page = page or self._inside("index.html")
        if page is None:
            return Response(_NOT_BUILT, 503, SECURITY_HEADERS | {"Retry-After": "5"}, "text/html")
        return self._answer(request, await self._load(page), _FRESH)

    def _inside(self, path: str) -> Path | None:
        if not path or "\0" in path or any(part.startswith(".") for part in path.split("/")):
            return None
        file = (self._folder / path).resolve()
        return file if file.is_relative_to(self._folder.resolve()) and file.is_file() else None

    async def _load(self, file: Path) -> Asset:
        changed = os.stat(file).st_mtime
        known = self._known.get(file)
        if known is None or known[0] != changed:
            known = self._known[file] = (changed, await asyncio.to_thread(_read, file))
        return known[1]

    def _answer(self, request: Request, asset: Asset, caching: str) -> Response:
        headers = SECURITY_HEADERS | {"Cache-Control": caching, "ETag": asset.etag, "Vary": "Accept-Encoding"}
        if asset.media_type.startswith("text/html"):
            headers["Content-Security-Policy"] = content_security_policy(asset.scripts)
        if caching is _WIDGET:  # included by other sites
            headers |= {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers)
        content = asset.content
        accepted = request.headers.get("accept-encoding", "")
        for encoding, packed in asset.packed.items():
            if encoding in accepted:
                content = packed
                headers["Content-Encoding"] = encoding
                break
        return Response(content, 200, headers, asset.media_type)


def content_security_policy(scripts: tuple[str, ...] = ()) -> str:
    """What a page of ours may load: nothing of others."""
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self'", *scripts)),
            "style-src 'self' 'unsafe-inline'",  # the component library sets style attributes
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob: data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def page_asset(content: bytes, media_type: str) -> Asset:
    """Content that was made here, ready to be served like a file."""
    packed = {"gzip": gzip.compress(content, 9, mtime=0)} if len(content) > 1024 else {}
    scripts = tuple(_script_hash(found) for found in _INLINE_SCRIPT.findall(content)) if "html" in media_type else ()
    etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    return Asset(content, packed, media_type, etag, scripts)


def _read(file: Path) -> Asset:
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    kind = {"text/javascript": "text/javascript; charset=utf-8", "text/css": "text/css; charset=utf-8"}.get(kind, kind)
    asset = page_asset(file.read_bytes(), kind)
    if not _COMPRESSIBLE.match(kind):
        return Asset(asset.content, {}, kind, asset.etag, asset.scripts)
    packed = dict(asset.packed)
    for encoding, ending in (("gzip", ".gz"), ("br", ".br")):
        built = file.with_name(file.name + ending)
        if built.is_file() and built.stat().st_mtime >= file.stat().st_mtime:
            packed = {encoding: built.read_bytes()} | {name: each for name, each in packed.items() if name != encoding}
    return Asset(asset.content, packed, kind, asset.etag, asset.scripts)


def _script_hash(script: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"


def _caching(path: str) -> str:
    if path == "widget.js":
        return _WIDGET
    return _FOREVER if path.startswith("assets/") and _HASHED.search(path) else _FRESH

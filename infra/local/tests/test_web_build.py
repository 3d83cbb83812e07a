"""The web app is built once for all who start in one clone."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from pathlib import Path

from merkez_local.console import Console
from merkez_local.web_build import build_web


async def test_of_two_systems_that_start_at_once_one_builds_and_the_other_finds_it_built(tmp_path: Path) -> None:
    web, cache = tmp_path / "services" / "web", tmp_path / ".cache"
    (web / "node_modules").mkdir(parents=True)
    cache.mkdir()
    build = "echo built >> ../../builds && mkdir -p dist && echo app > dist/index.html"
    (web / "package.json").write_text(json.dumps({"name": "web", "scripts": {"build": build}}))
    (web / "package-lock.json").write_text("{}")
    (cache / "web-modules.stamp").write_text(hashlib.sha256(b"{}").hexdigest())
    built = await asyncio.gather(*(build_web(tmp_path, Console(io.StringIO())) for _ in range(2)))
    assert [(each / "index.html").read_text() for each in built] == ["app\n"] * 2
    assert (tmp_path / "builds").read_text() == "built\n"
    assert await build_web(tmp_path, Console(io.StringIO())) == built[0]
    assert (tmp_path / "builds").read_text() == "built\n"

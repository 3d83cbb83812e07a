"""The list of what the web app is made of names what the bundles hold, by the command that images are built with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WEB = ROOT / "services" / "web"


@pytest.mark.skipif(not (WEB / "node_modules").exists(), reason="`make web-modules` brings what the web app is made of")
def test_every_package_of_the_pages_is_named_and_none_of_the_workshop() -> None:
    found = re.search(r"npm (sbom .*?) >", (ROOT / "infra/docker/Dockerfile").read_text())
    assert found is not None
    command = [sys.executable, "-m", "merkez_local", "npm", *found[1].split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout[done.stdout.index("{") :])
    names = {
        each["purl"].removeprefix("pkg:npm/").replace("%40", "@").rpartition("@")[0] for each in told["components"]
    }
    wanted = json.loads((WEB / "package.json").read_text())
    assert told["bomFormat"] == "CycloneDX" and set(wanted["dependencies"]) <= names
    assert not names & {"vite", "vitest", "typescript", "@biomejs/biome"}

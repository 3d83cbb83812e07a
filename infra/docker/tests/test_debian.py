"""What is in an image is said of its base too: against what this machine's own dpkg says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "debian.py"
STATUS = """\
Package: libstdc++6
Status: install ok installed
Architecture: amd64
Source: gcc-12
Version: 12.2.0-14+deb12u1
Description: runtime
 Version: not this one

Package: libc-bin
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 1:2.36-9

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1
"""
RELEASE = 'PRETTY_NAME="Debian"\nVERSION_ID="12"\nID=debian\n'


def _said(tmp_path: Path, status: Path, release: Path, before: dict[str, Any]) -> list[dict[str, str]]:
    sbom = tmp_path / "sbom.cdx.json"
    sbom.write_text(json.dumps(before))
    for _ in range(2):  # a second time changes nothing
        subprocess.run([sys.executable, SCRIPT, sbom, status, release], check=True, capture_output=True)
    told = json.loads(sbom.read_text())
    assert told["bomFormat"] == "CycloneDX"
    refs = [each["bom-ref"] for each in told["components"]]
    assert len(refs) == len(set(refs)), "each is named once"
    return told["components"]


def test_a_package_is_named_as_those_who_look_for_its_weaknesses_name_it(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(STATUS)
    (tmp_path / "os-release").write_text(RELEASE)
    python = {"bom-ref": "grpcio==1", "name": "grpcio", "version": "1", "type": "library"}
    before = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [python]}
    said = _said(tmp_path, tmp_path / "status", tmp_path / "os-release", before)
    assert said[0] == python, "Python's packages stay"
    assert [each["purl"] for each in said if each.get("purl", "").startswith("pkg:deb/")] == [
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=gcc-12",
        "pkg:deb/debian/libc-bin@1%3A2.36-9?arch=amd64&distro=debian-12&upstream=glibc%402.36-9",
    ]
    assert {each["name"] for each in said} == {"grpcio", "debian", "libstdc++6", "libc-bin"}


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="no Debian here")
def test_every_package_of_a_debian_is_said_with_its_version(tmp_path: Path) -> None:
    status = Path("/var/lib/dpkg/status")
    said = _said(tmp_path, status, Path("/etc/os-release"), {"bomFormat": "CycloneDX", "specVersion": "1.6"})
    form = "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"
    asked = subprocess.run(["dpkg-query", "-Wf", form], check=True, capture_output=True, text=True).stdout
    wanted = {tuple(line.split()[1:]) for line in asked.splitlines() if line.startswith("installed ")}
    told = {
        (each["name"], each["version"], re.findall(r"arch=(\w+)", each["purl"])[0])
        for each in said
        if each.get("purl", "").startswith("pkg:deb/")
    }
    assert told == wanted and len(told) > 50

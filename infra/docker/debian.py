"""Adds what an image's base is made of to the list of what is in it: Debian's packages by dpkg's status, the system
itself, and a Python that isn't Debian's.

`cyclonedx-py` knows Python's packages alone. Package URLs are of type deb, with the source package as `upstream`, by
which Debian's security tracker and scanners look (package-url/purl-spec, CycloneDX 1.6).
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]


def main(sbom: Path, status: Path, release: Path) -> None:
    """Rewrites `sbom` (CycloneDX JSON) with what dpkg's `status` and os-release say."""
    told: dict[str, Any] = json.loads(sbom.read_text())
    system = dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line)
    system = {key: value.strip('"') for key, value in system.items()}
    found = [*_system(system), *_debian(status.read_text(), system)]
    if sys.base_prefix == "/usr/local":  # compiled by its image's makers, in no package
        found.append(_python())
    there = {each.get("bom-ref") for each in told.get("components", [])}
    told["components"] = [*told.get("components", []), *(each for each in found if each["bom-ref"] not in there)]
    sbom.write_text(json.dumps(told, indent=1) + "\n")
    print(f"{len(found)} of the base, {len(told['components'])} in all")


def _debian(status: str, system: dict[str, str]) -> Iterator[Component]:
    vendor = system.get("ID", "debian")
    for paragraph in filter(str.strip, status.split("\n\n")):
        lines = (line for line in paragraph.splitlines() if line[:1] not in ("", " ", "\t"))
        fields = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
        if not fields.get("Status", "").endswith(" installed"):
            continue
        name, version, where = fields["Package"], fields["Version"], fields["Architecture"]
        source, _, of = fields.get("Source", name).partition(" ")
        upstream = source + (f"@{of.strip('()')}" if of else "")
        at = {"arch": where, "distro": f"{vendor}-{system.get('VERSION_ID', '')}", "upstream": upstream}
        qualifiers = "&".join(f"{key}={quote(value, safe='.-_~')}" for key, value in at.items())
        url = f"pkg:deb/{vendor}/{quote(name, safe='.-_~')}@{quote(version, safe='.-_~')}?{qualifiers}"
        yield {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}


def _system(system: dict[str, str]) -> Iterator[Component]:
    name, version = system.get("ID", ""), system.get("VERSION_ID", "")
    if name:
        yield {"type": "operating-system", "bom-ref": f"os:{name}@{version}", "name": name, "version": version}


def _python() -> Component:
    version = platform.python_version()
    url = f"pkg:generic/python@{version}"
    return {
        "type": "platform", "bom-ref": url, "name": "python", "version": version, "purl": url,
        "cpe": f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*",
    }  # fmt: skip


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))

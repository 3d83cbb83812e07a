"""Leaves in the environment it runs in what Merkez' own packages in it need, and nothing else.

One lock names what all services need together; an image holds one service. Said by the packages' own metadata, extras
included, so that nobody keeps a list for each image. And of what is needed, parts go that nothing of ours imports.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import Distribution, distributions
from pathlib import Path

TOOLS = {"pip", "setuptools", "wheel"}
OURS = "merkez-"
UNUSED = (
    "kubernetes/aio", "phonenumbers/geodata", "phonenumbers/carrierdata",
    "numpy/**/tests", "scipy/**/tests",
)  # fmt: skip
"""Large parts of packages that stay: a second client of the same API, names of places and carriers, tests."""


def main() -> None:
    """Uninstalls the rest, pip too: nothing is installed in an image that runs."""
    from pip._vendor.packaging.requirements import Requirement  # type: ignore[import]  # of the environment that is pruned
    from pip._vendor.packaging.utils import canonicalize_name  # type: ignore[import]  # of the environment that is pruned

    slim(Path(sysconfig.get_path("purelib")))
    here: dict[str, Distribution] = {canonicalize_name(each.metadata["Name"]): each for each in distributions()}
    wanted: set[tuple[str, str]] = set()
    left = [(name, "") for name in here if name.startswith(OURS)]
    while left:
        name, extra = left.pop()
        if (name, extra) in wanted or name not in here:
            continue
        wanted.add((name, extra))
        for line in here[name].requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                left += [(canonicalize_name(needed.name), each) for each in ("", *needed.extras)]
    kept = {name for name, _ in wanted}
    gone = sorted(set(here) - kept - TOOLS) + sorted(TOOLS & set(here) - kept)
    if gone:
        subprocess.run([sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", *gone], check=True)
    print(f"kept {len(kept)} packages, took out {len(gone)}")


def slim(packages: Path) -> None:
    """Removes the unused parts of what is installed in a folder."""
    for part in UNUSED:
        for folder in list(packages.glob(part)):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

"""Leaves in the environment it runs in what Merkez' own packages in it need, and nothing else.

One lock names what all services need together; an image holds one service. Said by the packages' own metadata, extras
included, so that nobody keeps a list for each image.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import Distribution, distributions

from pip._vendor.packaging.requirements import Requirement  # type: ignore[import]  # of the environment that is pruned
from pip._vendor.packaging.utils import canonicalize_name  # type: ignore[import]  # of the environment that is pruned

TOOLS = {"pip", "setuptools", "wheel"}
OURS = "merkez-"


def main() -> None:
    """Uninstalls the rest, pip too: nothing is installed in an image that runs."""
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


if __name__ == "__main__":
    main()

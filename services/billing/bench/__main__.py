"""`make bench-billing`: usage events into PostgreSQL and statements out of it, as JSON lines.

Each `bench_*.py` beside this file adds its own lines: by `lines()`, or printed by its `main()`.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path


def main() -> None:
    """Runs every bench of this folder."""
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if not hasattr(module, "lines"):
            module.main()
            continue
        for line in module.lines():
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

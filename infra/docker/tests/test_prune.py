"""What is taken out of images is imported by nobody, and is gone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

PRUNE = Path(__file__).resolve().parents[1] / "prune.py"
EVERYTHING = """
import importlib, pkgutil, re, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import prune

class Gone:
    def find_spec(self, name, path=None, target=None):
        place = name.replace(".", "/")
        if any(re.fullmatch(part.replace("**", ".*"), place) for part in prune.UNUSED):
            raise ImportError(f"gone from images: {name}")

sys.meta_path.insert(0, Gone())
from chassis.settings import SERVICES
seen = 0
for service in (*SERVICES, "chassis", "kernel", "merkez_ops"):
    found = importlib.import_module(service)
    for each in pkgutil.walk_packages(found.__path__, f"{service}."):
        if each.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(each.name)
        except ImportError as error:
            assert "gone from images" not in str(error), (each.name, str(error))
        seen += 1
print(seen)
"""


def test_nothing_of_ours_imports_what_images_lack() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING, str(PRUNE.parent)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 300


def test_it_is_gone_and_the_rest_stays(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("prune", PRUNE)
    assert spec is not None and spec.loader is not None
    prune = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prune)
    for file in (
        "kubernetes/aio/client/api.py", "kubernetes/client/api.py", "numpy/_core/tests/test_x.py", "numpy/testing/x.py",
        "phonenumbers/geodata/data0.py", "phonenumbers/tzdata/data0.py",
    ):  # fmt: skip
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    prune.slim(tmp_path)
    left = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*.py")}
    assert left == {"kubernetes/client/api.py", "numpy/testing/x.py", "phonenumbers/tzdata/data0.py"}
    prune.slim(tmp_path)

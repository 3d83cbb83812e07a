"""Generates the Python of every contract from proto/ into libs/contracts/src.

Run through `make proto`; with `--check` it generates into a scratch folder and
fails when the committed files differ.
"""

import filecmp
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"


def generate(target: Path) -> None:
    """Writes *_pb2.py, *_pb2.pyi and *_pb2_grpc.py for all protos under `target`, and descriptors.binpb: the same
    contract with its comments, which the gateway's OpenAPI document quotes."""
    shutil.rmtree(target / "merkez", ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    includes = [str(resources.files("grpc_tools") / "_proto"), str(PROTO)]
    protos = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    arguments = ["protoc", *(f"-I{path}" for path in includes)]
    outs = [f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    described = ["--include_source_info", f"--descriptor_set_out={target / 'merkez/descriptors.binpb'}"]
    (target / "merkez").mkdir(parents=True)
    if protoc.main([*arguments, *outs, *described, *protos]) != 0:
        raise SystemExit("proto/ did not compile; the lines above say where.")
    (target / "merkez" / "py.typed").touch()


def drift(target: Path) -> list[str]:
    """Files under `target` that differ from what proto/ generates now, by path."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        generate(fresh)
        names = {
            p.relative_to(root)
            for root in (fresh, target)
            for p in (root / "merkez").rglob("*.*")
            if p.suffix != ".pyc"
        }
        return sorted(
            str(name)
            for name in names
            if not (fresh / name).exists()
            or not (target / name).exists()
            or not filecmp.cmp(fresh / name, target / name, shallow=False)
        )


if __name__ == "__main__":
    committed = ROOT / "libs/contracts/src"
    if "--check" in sys.argv:
        if differing := drift(committed):
            raise SystemExit("libs/contracts is stale, run `make proto`:\n" + "\n".join(differing))
    else:
        generate(committed)

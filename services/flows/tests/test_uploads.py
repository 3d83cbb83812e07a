"""Uploads are decoded beside the process that leads calls: what breaks a decoder breaks no call."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from flows.domain.prompts import PromptSilent, PromptUnreadable
from flows.uploads import Uploads
from testkit import eventually

from .test_audio import a_wav, sixteen, tone

GOOD = a_wav(sixteen(tone()))


def running(module: str) -> list[Path]:
    """Processes of this worker."""
    return [each for each in Path("/proc").glob("[0-9]*") if module in _command(each)]


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode().replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules that may be workers."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


async def test_an_upload_is_decoded_by_another_process_which_is_gone_afterwards() -> None:
    sound = await Uploads().read(GOOD)
    assert (sound.audio, sound.content_type) == (GOOD, "audio/wav")
    assert sound.duration.total_seconds() == pytest.approx(1.0, abs=0.03)
    await eventually(lambda: not running("flows.audio_worker"))


async def test_what_is_wrong_with_an_upload_is_told_in_the_words_of_the_one_who_heard_it() -> None:
    with pytest.raises(PromptSilent, match="the right microphone"):
        await Uploads().read(a_wav(b"\0" * 16_000))
    with pytest.raises(PromptUnreadable, match="not WAV, MP3 or Ogg"):
        await Uploads().read(b"hello")
    with pytest.raises(PromptUnreadable, match="empty"):
        await Uploads().read(b"")


@pytest.mark.parametrize(
    "does", [f"os.kill(os.getpid(), {int(signal.SIGSEGV)})", "sys.exit(1)", "time.sleep(600)", "sys.stdin.read()"]
)
async def test_a_file_that_ends_or_holds_up_its_decoder_is_refused_and_the_next_one_is_taken(
    workers: Path, does: str
) -> None:
    (workers / "a_broken_decoder.py").write_text(f"import os, sys, time\nos.read(0, 100)\n{does}\n")
    broken = Uploads("a_broken_decoder", seconds=3)
    for _ in range(3):  # more than are looked at at once: none of their turns is lost
        with pytest.raises(PromptUnreadable, match="can't be decoded"):
            await broken.read(GOOD * 20)
    assert (await Uploads().read(GOOD)).digest


async def test_who_goes_away_in_the_middle_leaves_no_process_behind(workers: Path) -> None:
    (workers / "a_slow_decoder.py").write_text("import time\ntime.sleep(600)\n")
    asked = asyncio.ensure_future(Uploads("a_slow_decoder").read(GOOD))  # noqa: TID251 - awaited right below
    await eventually(lambda: running("a_slow_decoder"))
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert not running("a_slow_decoder")

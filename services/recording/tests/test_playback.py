"""A recording played by a real browser: left is the customer, right is the agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from testkit.browser import chromium

from .conftest import House

_PAGE = b"<!doctype html><title>playback</title><audio id=player src=/audio></audio>"
_LISTEN = """async () => {
  const bytes = await (await fetch('/audio')).arrayBuffer();
  const sound = await new OfflineAudioContext(2, 48000, 48000).decodeAudioData(bytes);
  const pitch = (samples) => {
    let best = 0, loudest = 0;
    for (let hertz = 100; hertz <= 1600; hertz += 20) {
      let re = 0, im = 0;
      for (let i = 24000; i < 36000; i++) {
        const angle = 2 * Math.PI * hertz * i / 48000;
        re += samples[i] * Math.cos(angle); im += samples[i] * Math.sin(angle);
      }
      const power = Math.hypot(re, im);
      if (power > loudest) { loudest = power; best = hertz; }
    }
    return best;
  };
  const player = document.getElementById('player');
  player.muted = true;
  await player.play();
  await new Promise((done, failed) => { player.onended = done; player.onerror = () => failed(player.error); });
  return { channels: sound.numberOfChannels, seconds: sound.duration, left: pitch(sound.getChannelData(0)),
           right: pitch(sound.getChannelData(1)), played: player.duration };
}"""


@asynccontextmanager
async def page_with(audio: bytes) -> AsyncIterator[str]:
    """A page on loopback with the recording in it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
        kind, body = (b"audio/ogg", audio) if path == b"/audio" else (b"text/html", _PAGE)
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (
            kind,
            len(body),
        )
        writer.write(head + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.browser
async def test_recording_plays_in_a_browser_with_each_side_on_its_ear(house: House) -> None:
    tenant = house.tenant()
    made = await house.talk(tenant)
    file = b"".join([chunk.data for chunk in await house.audio(tenant, made.recording_id)])
    async with page_with(file) as url, chromium() as browser:
        page = await browser.new_page()
        await page.goto(url)
        found = await page.evaluate(_LISTEN)
    assert found["channels"] == 2
    assert abs(found["left"] - 440) <= 20 and abs(found["right"] - 1000) <= 20
    assert 1.9 < found["seconds"] < 2.1 and 1.9 < found["played"] < 2.1

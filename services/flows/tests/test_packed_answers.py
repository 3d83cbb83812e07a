"""What a tenant's system packs: a small answer must not become a big one in the process that runs everybody's calls."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from flows.domain.effects import Fetch
from flows.domain.runs import Fetched
from flows.fetching import MAX_ANSWER_BYTES, Fetcher

from .test_fetching import PATIENT, Crm, crm

__all__ = ["crm"]

_FACT = b'{"tier": "gold"}'
_LONG = b"0" * 48_000_000
_TWICE = gzip.compress(gzip.compress(_LONG))


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


async def asked(crm: Crm, encoding: str, body: bytes) -> Fetched:
    crm.answers = [(200, f"Content-Encoding: {encoding}\r\n" if encoding else "", body)]
    fetcher = Fetcher(allow_loopback=True)
    try:
        return await fetcher.fetch(Fetch("run_1:a:1", "GET", f"{crm.url}/", {}, "", {"tier": "/tier"}, PATIENT, 1), "t")
    finally:
        await fetcher.close()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", gzip.compress(_LONG)), ("gzip, gzip", _TWICE), ("deflate", zlib.compress(_LONG))],
    ids=["once", "twice", "deflate"],
)  # fmt: skip
async def test_a_small_answer_that_unpacks_to_a_big_one_costs_no_more_memory_than_any(
    crm: Crm, encoding: str, body: bytes
) -> None:
    assert len(body) < MAX_ANSWER_BYTES
    tracemalloc.start()
    try:
        fetched = await asked(crm, encoding, body)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert fetched.values is None
    assert most < 8_000_000, "the answer was unpacked whole before anybody looked at its size"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(_FACT)), ("x-gzip", gzip.compress(_FACT)), ("deflate", zlib.compress(_FACT)),
        ("deflate", raw_deflate(_FACT)), ("identity", _FACT), ("", _FACT),
    ],
    ids=["gzip", "x-gzip", "deflate", "deflate without its wrapping", "identity", "plain"],
)  # fmt: skip
async def test_an_answer_is_read_however_it_was_packed(crm: Crm, encoding: str, body: bytes) -> None:
    assert (await asked(crm, encoding, body)).values == {"tier": "gold"}
    assert b"accept-encoding: gzip, deflate\r\n" in crm.requests[0].lower()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", _FACT), ("gzip", gzip.compress(_FACT)[:-9]), ("br", _FACT), ("gzip, gzip", _TWICE)],
    ids=["not packed", "cut short", "unknown", "twice"],
)  # fmt: skip
async def test_an_answer_that_is_not_packed_as_it_says_fails_the_step_once(
    crm: Crm, encoding: str, body: bytes
) -> None:
    fetched = await asked(crm, encoding, body)
    assert fetched.values is None and fetched.outcome == "answer not to be read"
    assert len(crm.requests) == 1, "asking again changes nothing"

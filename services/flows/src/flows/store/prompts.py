"""Prompts and where they are played. The audio is read only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from chassis.paging import keyset
from chassis.sql import Tx
from sqlalchemy import RowMapping, delete, insert, select

from flows.domain.prompts import Prompt, PromptNotFound, Sound
from flows.store.tables import flows, prompts, releases

_FIELDS = ("prompt_id", "display_name", "language", "duration", "size_bytes", "create_time")
_COLUMNS = [prompts.c[name] for name in _FIELDS]


def _prompt(row: RowMapping) -> Prompt:
    return Prompt(**{name: row[name] for name in _FIELDS})


async def add_prompt(tx: Tx, prompt: Prompt, sound: Sound) -> None:
    """Store a prompt with its audio."""
    row = {name: getattr(prompt, name) for name in _FIELDS} | {
        "tenant_id": tx.tenant_id,
        "content_type": sound.content_type,
        "digest": sound.digest,
        "audio": sound.audio,
    }
    await tx.execute(insert(prompts), row)


async def get_prompt(tx: Tx, prompt_id: str) -> Prompt:
    """The prompt; PromptNotFound for another tenant's as well."""
    row = await tx.one_or_none(
        select(*_COLUMNS).where(prompts.c.tenant_id == tx.tenant_id, prompts.c.prompt_id == prompt_id)
    )
    if row is None:
        raise PromptNotFound("there is no such prompt")
    return _prompt(row)


async def names(tx: Tx) -> dict[str, str]:
    """Every prompt's name by its id."""
    rows = await tx.all(select(prompts.c.prompt_id, prompts.c.display_name).where(prompts.c.tenant_id == tx.tenant_id))
    return {row["prompt_id"]: row["display_name"] for row in rows}


async def get_sound(tx: Tx, prompt_id: str) -> Sound:
    """A prompt's audio; PromptNotFound for another tenant's as well."""
    row = await tx.one_or_none(
        select(prompts).where(prompts.c.tenant_id == tx.tenant_id, prompts.c.prompt_id == prompt_id)
    )
    if row is None:
        raise PromptNotFound("there is no such prompt")
    return Sound(bytes(row["audio"]), row["content_type"], row["digest"], row["duration"])


async def list_prompts(tx: Tx, token: str, size: int) -> list[Prompt]:
    """Newest first, one more than `size` when there is a next page."""
    statement = select(*_COLUMNS).where(prompts.c.tenant_id == tx.tenant_id)
    rows = await tx.all(keyset(statement, prompts.c.create_time, prompts.c.prompt_id, token, size))
    return [_prompt(row) for row in rows]


async def existing(tx: Tx, prompt_ids: Iterable[str]) -> frozenset[str]:
    """Which of these prompts were uploaded and not deleted."""
    wanted = sorted(set(prompt_ids))
    if not wanted:
        return frozenset()
    rows = await tx.all(
        select(prompts.c.prompt_id).where(prompts.c.tenant_id == tx.tenant_id, prompts.c.prompt_id.in_(wanted))
    )
    return frozenset(row["prompt_id"] for row in rows)


async def players(tx: Tx, prompt_id: str) -> list[str]:
    """Flows whose draft or any release plays the prompt: a rolled-back release must still find it."""
    live = flows.c.delete_time.is_(None)
    drafts = select(flows.c.flow_id).where(
        flows.c.tenant_id == tx.tenant_id, live, flows.c.prompt_ids.contains([prompt_id])
    )
    released = (
        select(releases.c.flow_id)
        .join(flows, (flows.c.tenant_id == releases.c.tenant_id) & (flows.c.flow_id == releases.c.flow_id))
        .where(releases.c.tenant_id == tx.tenant_id, live, releases.c.prompt_ids.contains([prompt_id]))
    )
    return sorted({row["flow_id"] for row in await tx.all(drafts.union(released))})


async def delete_prompt(tx: Tx, prompt_id: str) -> None:
    """Remove a prompt and its audio."""
    await tx.execute(delete(prompts).where(prompts.c.tenant_id == tx.tenant_id, prompts.c.prompt_id == prompt_id))

"""Uploading and deleting prompts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chassis.sql import Tx
from kernel.errors import InvalidInput
from kernel.ids import new_id

from flows.domain.definitions import LANGUAGES
from flows.domain.flows import MAX_NAME, require_text
from flows.domain.prompts import Prompt, PromptInUse, Sound
from flows.store import prompts as store

list_prompts = store.list_prompts
get_sound = store.get_sound
"""Reads have no rule of their own."""


async def create_prompt(tx: Tx, display_name: str, language: str, sound: Sound, now: datetime) -> Prompt:
    """Store an upload that was decoded to its end."""
    name = require_text(display_name, "prompt.display_name", MAX_NAME)
    if language and language not in LANGUAGES:
        raise InvalidInput.of("prompt.language", f"must be one of {', '.join(LANGUAGES)}, or empty")
    prompt = Prompt(new_id("prm", now), name, language, sound.duration, len(sound.audio), now)
    await store.add_prompt(tx, prompt, sound)
    return prompt


async def delete_prompt(tx: Tx, prompt_id: str, queues: Sequence[str] = ()) -> None:
    """Delete a prompt that no draft and no release plays. `queues` are the names of those whose callbacks do."""
    await store.get_prompt(tx, prompt_id)
    players = await store.players(tx, prompt_id)
    if players:
        raise PromptInUse(
            "a draft or a release plays this prompt: take it out first", metadata={"flow_ids": ",".join(players[:20])}
        )
    if queues:
        named = ", ".join(repr(each) for each in queues[:5])
        raise PromptInUse(f"the callbacks of {named} play this prompt: choose another there first")
    await store.delete_prompt(tx, prompt_id)

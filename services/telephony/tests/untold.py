"""Watches what is stored: a call or a leg that is in another state than before is told of in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from chassis.sql import Database, Tx
from merkez.telephony.v1 import call_pb2
from telephony.domain.calls import Call
from telephony.domain.legs import Leg
from telephony.store import calls as call_store
from telephony.store import legs as leg_store


class Watcher:
    """What was stored so far, and what nothing was told of."""

    def __init__(self) -> None:
        self.untold: list[str] = []
        self._states: dict[str, str] = {}
        self._told: set[tuple[str, str]] = set()
        self._stored: WeakKeyDictionary[Tx, dict[str, Call | Leg]] = WeakKeyDictionary()

    def stored(self, tx: Tx, one: Call | Leg) -> None:
        """With this transaction, if it is committed."""
        self._stored.setdefault(tx, {})[one.leg_id if isinstance(one, Leg) else one.call_id] = one

    def committing(self, tx: Tx) -> None:
        """What it tells of is told, also when the commit is never answered: it may have held."""
        facts = [each.message for each in tx._emitted]
        for id_, one in self._stored.get(tx, {}).items():
            if any(_of_leg(fact, one) if isinstance(one, Leg) else _of_call(fact, one) for fact in facts):
                self._told.add((id_, one.state.value))

    def committed(self, tx: Tx) -> None:
        """What it stored was told of, or is remembered as untold."""
        facts = [each.message for each in tx._emitted]
        for id_, one in self._stored.pop(tx, {}).items():
            before, self._states[id_] = self._states.get(id_, "nothing"), one.state.value
            told = (id_, one.state.value) in self._told
            self._told = {each for each in self._told if each[0] != id_}
            if before != one.state.value and not told:
                names = [fact.DESCRIPTOR.name for fact in facts]
                self.untold.append(f"{id_} {getattr(one, 'party', '')}: {before} -> {one.state.value}, told: {names}")


def _of_call(fact: Any, call: Call) -> bool:
    name = fact.DESCRIPTOR.name
    if name == "CallEnded":
        return fact.cdr.call_id == call.call_id and not call.live
    if name == "CallRefused":
        return fact.call_id == call.call_id
    state = call_pb2.CallState.Value(f"CALL_STATE_{call.state.value}")
    return hasattr(fact, "call") and (fact.call.call_id, fact.call.state) == (call.call_id, state)


def _of_leg(fact: Any, leg: Leg) -> bool:
    """Supervisors' legs are told of by their mode, a refused caller's by its id, others by their state and cause."""
    name = fact.DESCRIPTOR.name
    if name in ("SupervisionChanged", "CallRefused"):
        cause = fact.q850_cause if name == "SupervisionChanged" else 0
        return (fact.leg_id, cause) == (leg.leg_id, leg.q850_cause)
    named = list(fact.legs if name == "CallEnded" else fact.call.legs if hasattr(fact, "call") else [])
    named += [fact.leg] if hasattr(fact, "leg") else []
    as_it_is = leg.leg_id, call_pb2.LegState.Value(f"LEG_STATE_{leg.state.value}"), leg.q850_cause, leg.sip_status
    return as_it_is in [(each.leg_id, each.state, each.q850_cause, each.sip_status) for each in named]


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watcher]:
    """Every node of this process."""
    watcher = Watcher()

    def watch(store: Any, name: str, of: Callable[[Any], Call | Leg]) -> None:
        real = getattr(store, name)

        async def storing(tx: Tx, rows: Sequence[Any], now: Any) -> None:
            for row in rows:
                watcher.stored(tx, of(row))
            await real(tx, rows, now)

        monkeypatch.setattr(store, name, storing)

    watch(call_store, "add_calls", lambda row: row[0])
    watch(call_store, "save_calls", lambda row: row)
    watch(leg_store, "add_legs", lambda row: row)
    watch(leg_store, "save_legs", lambda row: row)
    real, flush = Database._committed, Tx.flush

    async def flushed(tx: Tx, next_position: Callable[[], int]) -> None:
        await flush(tx, next_position)
        watcher.committing(tx)

    def committed(db: Database, tx: Tx) -> None:
        watcher.committed(tx)
        real(db, tx)

    monkeypatch.setattr(Tx, "flush", flushed)
    monkeypatch.setattr(Database, "_committed", committed)
    yield watcher

"""Statements compiled once in a process, whatever test's engine says them first."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine


class _Compiled(dict[Any, Any]):
    """SQLAlchemy's cache of an engine, without its engine: keys begin with the dialect, which every engine makes anew,
    and those of one kind compile alike."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


_compiled = _Compiled()


def share_compiled(engine: AsyncEngine) -> None:
    """From now on this engine takes what another one compiled. A test has engines of its own, which is right for its
    rows and loop, and a service's process has one for good: it never compiles as often as tests would."""
    engine.update_execution_options(compiled_cache=_compiled)

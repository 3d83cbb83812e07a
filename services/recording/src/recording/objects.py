"""The object store: a local folder by default, S3 or any other by URL (obstore).

An object is written once under a name of its own and is durable when `put` returns. Names lead with the tenant:
`<tenant>/<recording>/segments/<track>-<sequence>-<digest>`, `<tenant>/<recording>/audio-<version>.ogg.sealed`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast

import obstore
from kernel.errors import Unavailable
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

_SYNCERS = 4


class ObjectStoreUnavailable(Unavailable):
    """The object store can't be reached or refuses."""

    reason = "OBJECT_STORE_UNAVAILABLE"


class Objects:
    """Objects by name."""

    def __init__(self, url: str, home: Path):
        self._folder: Path | None = None
        self._store: ObjectStore
        if url and not url.startswith("file://"):
            self._store = from_url(url)
        else:
            self._folder = Path(url.removeprefix("file://")) if url else home / "objects"
            self._folder.mkdir(parents=True, exist_ok=True)
            self._store = LocalStore(self._folder)

    async def put(self, name: str, data: bytes | BinaryIO) -> None:
        """Write an object; it is on disk (or with the remote store) when this returns."""
        try:
            await obstore.put_async(self._store, name, data)
            if self._folder is not None:  # a local file would still be in the kernel's cache when the power goes
                await asyncio.to_thread(_sync, self._folder / name)
        except (BaseError, OSError) as error:  # a full disk may say so only when it has to write
            raise _not_stored(error) from error

    async def put_all(self, objects: Mapping[str, bytes]) -> dict[str, ObjectStoreUnavailable]:
        """Write several; each is on disk (or with the remote store) when this returns, unless it is in the answer."""
        written = await asyncio.gather(*(self._write(name, data) for name, data in objects.items()))
        failed = {name: error for name, error in zip(objects, written, strict=True) if error is not None}
        if self._folder is not None:
            paths = [(name, self._folder / name) for name in objects if name not in failed]
            # Side by side: a disk's journal takes many for the price of a few.
            parts = [dict(paths[first::_SYNCERS]) for first in range(min(_SYNCERS, len(paths)))]
            for errors in await asyncio.gather(*(asyncio.to_thread(_sync_all, part) for part in parts)):
                failed |= {name: _not_stored(error) for name, error in errors.items()}
        return failed

    async def _write(self, name: str, data: bytes) -> ObjectStoreUnavailable | None:
        try:
            await obstore.put_async(self._store, name, data)
        except (BaseError, OSError) as error:
            return _not_stored(error)
        return None

    async def get(self, name: str) -> bytes:
        """A whole object."""
        try:
            return bytes(await (await obstore.get_async(self._store, name)).bytes_async())
        except BaseError as error:
            raise ObjectStoreUnavailable("the object could not be read") from error

    def reader(self, name: str) -> BinaryIO:
        """An object as a file that blocks: for threads. Reads are cut into requests of 1 MB."""
        try:
            return cast(BinaryIO, _Reader(obstore.open_reader(self._store, name, buffer_size=1 << 20)))
        except BaseError as error:
            raise ObjectStoreUnavailable("the object could not be read") from error

    async def delete_all(self, prefix: str) -> int:
        """Delete every object whose name begins with the folder `prefix`; how many there were."""
        count = 0
        try:
            async for batch in obstore.list(self._store, prefix):
                names = [item["path"] for item in batch]
                for name in names:
                    with contextlib.suppress(NotFoundError):
                        await obstore.delete_async(self._store, name)
                count += len(names)
        except BaseError as error:
            raise ObjectStoreUnavailable("the objects could not be deleted") from error
        return count


class _Reader:
    # What Tink's streams ask of a source: bytes, not obstore's buffer type, and a `closed` flag.
    def __init__(self, inner: obstore.ReadableFile):
        self._inner = inner
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        return bytes(self._inner.read(None if size is None or size < 0 else size))

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _not_stored(cause: BaseException) -> ObjectStoreUnavailable:
    error = ObjectStoreUnavailable("the object could not be stored")
    error.__cause__ = cause
    return error


def _sync(path: Path) -> None:
    _sync_file(path)
    _sync_folder(path.parent)


def _sync_all(paths: Mapping[str, Path]) -> dict[str, OSError]:
    """Each file, and each folder once; by name, what could not be."""
    failed: dict[str, OSError] = {}
    folders: dict[Path, OSError | None] = {}
    for name, path in paths.items():
        try:
            _sync_file(path)
        except OSError as error:
            failed[name] = error
        folders[path.parent] = None
    for folder in folders:
        try:
            _sync_folder(folder)
        except OSError as error:
            folders[folder] = error
    for name, path in paths.items():
        if (error := folders[path.parent]) is not None:
            failed[name] = error
    return failed


def _sync_file(path: Path, flags: int = os.O_RDONLY) -> None:
    file = os.open(path, flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder(path: Path) -> None:
    _sync_file(path, os.O_RDONLY | os.O_DIRECTORY)

"""Tiles on disk: one file each, whole or not there at all, and checked when it is read.

A file is magic, length of the header, header (JSON), the arrays at multiples of 64 bytes, SHA-256 of all that.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import socket
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sam_theory.errors import InputError

__all__ = ["Damaged", "Store", "draft"]

Arrays = dict[str, npt.NDArray[Any]]

_MAGIC = b"SAMTILE\x01"
_ALIGNED = 64
_DIGEST = hashlib.sha256().digest_size
_OLD = 3600.0  # seconds after which a temporary file of another machine is nobody's
_PART = re.compile(r"^\..*\.(?P<host>[^.]+)\.(?P<process>\d+)\.[0-9a-f]+\.part$")
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Damaged(Exception):
    """A tile's file is not what was written; the message says how that shows."""


class Store:
    """The directory ``root/key`` of one specification.

    Files appear by renaming, so that any number of processes may write at once: they write the same bytes.
    """

    def __init__(self, root: str | Path, key: str) -> None:
        self.root = Path(root)
        self.key = key
        self.directory = self.root / key

    def path(self, number: int) -> Path:
        """The file of a tile."""
        return self.directory / f"tile-{number:08d}"

    def present(self) -> set[int]:
        """Numbers of the tiles that have a file."""
        names = (file.name.removeprefix("tile-") for file in self.directory.glob("tile-*"))
        return {int(name) for name in names if name.isdecimal()}

    def prepare(self, specification: str) -> bool:
        """Make the directory, with the specification in it; whether it can be written to.

        Raises
        ------
        InputError
            If another specification stands there, or the directory neither exists nor can be made.
        """
        file = self.directory / "spec.json"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the store {self.root} cannot be made: {_said(error)}; choose another directory"
            ) from None
        writable = self._probe()
        if writable:
            self._clean()
        with suppress(FileNotFoundError):
            if file.read_bytes() != specification.encode():
                if not writable:
                    raise InputError(f"{file} is not the specification of its key, and cannot be repaired")
                _replace(file, specification.encode())
            return writable
        if writable:
            _replace(file, specification.encode())
        return writable

    def _probe(self) -> bool:
        file = draft(self.directory / "probe")
        try:
            file.touch(exist_ok=False)
            file.unlink()
        except OSError as error:
            if error.errno in _FULL:
                raise InputError(f"the store {self.root} is full; free some space, then run it again") from None
            return False
        return True

    def _clean(self) -> None:
        """Remove what killed processes left: of this machine once the process is gone, else when it is old."""
        now, here = time.time(), _host()
        for file in (*self.directory.glob(".*.part"), *self.directory.glob(".probe-*")):
            named = _PART.match(file.name)
            with suppress(OSError):
                age = now - file.stat().st_mtime
                gone = named is not None and named["host"] == here and not _lives(int(named["process"]))
                if gone or age > _OLD:
                    file.unlink()

    def write(self, number: int, header: Mapping[str, Any], arrays: Arrays) -> int:
        """Write a tile, and return the size of its file.

        Raises
        ------
        InputError
            If it cannot be written, e.g. on a full disk; what was there before is untouched.
        """
        content = _packed({**header, "key": self.key, "tile": number}, arrays)
        _replace(self.path(number), content)
        return len(content)

    def read(self, number: int) -> tuple[dict[str, Any], Arrays] | None:
        """Header and arrays of a tile; None where it has no file.

        Raises
        ------
        Damaged
            If the file is truncated, was changed, or is another tile's.
        InputError
            If it cannot be read.
        """
        try:
            content = self.path(number).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{self.path(number)} cannot be read: {_said(error)}") from None
        header, arrays = _unpacked(content)
        if header.get("key") != self.key or header.get("tile") != number:
            raise Damaged("it is the tile of another place")
        return header, arrays


def _packed(header: Mapping[str, Any], arrays: Arrays) -> bytes:
    listed, parts, place = [], [], 0
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array)
        little = raw.astype(raw.dtype.newbyteorder("<"), copy=False)
        listed.append([name, little.dtype.str, list(raw.shape), place])
        parts.append(little.tobytes())
        parts.append(bytes(-len(parts[-1]) % _ALIGNED))
        place += len(parts[-2]) + len(parts[-1])
    text = json.dumps({**header, "arrays": listed}, sort_keys=True, allow_nan=False).encode()
    text += b" " * (-(len(_MAGIC) + 8 + len(text)) % _ALIGNED)
    content = b"".join([_MAGIC, len(text).to_bytes(8, "little"), text, *parts])
    return content + hashlib.sha256(content).digest()


def _unpacked(content: bytes) -> tuple[dict[str, Any], Arrays]:
    start = len(_MAGIC) + 8
    if len(content) < start + _DIGEST:
        raise Damaged(f"it has only {len(content)} bytes")
    if hashlib.sha256(memoryview(content)[:-_DIGEST]).digest() != content[-_DIGEST:]:
        raise Damaged("its checksum is wrong")
    if not content.startswith(_MAGIC):
        raise Damaged("it is no tile, or one of another format")
    body = start + int.from_bytes(content[len(_MAGIC) : start], "little")
    header = json.loads(content[start:body])
    arrays = {
        name: np.frombuffer(content, dtype, int(np.prod(shape)), body + place).reshape(shape)
        for name, dtype, shape, place in header["arrays"]
    }
    return header, arrays


def _replace(file: Path, content: bytes) -> None:
    """Write a file under another name and rename it, once it is on the disk."""
    for again in (True, False):
        part = draft(file)
        try:
            try:
                with open(part, "xb") as out:
                    out.write(content)
                    out.flush()
                    os.fsync(out.fileno())
                os.replace(part, file)
                _sync(file.parent)
                return
            except BaseException:
                with suppress(OSError):
                    part.unlink()
                raise
        except FileNotFoundError as error:  # another machine of the same name took the draft for an orphan
            if not again:
                raise InputError(f"{file} cannot be written: {_said(error)}") from None
        except OSError as error:
            remedy = "free some space" if error.errno in _FULL else "see that the directory can be written to"
            raise InputError(
                f"{file} cannot be written: {_said(error)}; what stands there is whole: {remedy}, then run it again"
            ) from None


def _sync(directory: Path) -> None:
    with suppress(OSError):  # not every system opens directories
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def draft(file: Path) -> Path:
    """A name beside ``file`` that no other process takes: it is written there before it is whole.

    The next run removes it if its process was killed.
    """
    return file.with_name(f".{file.name}.{_host()}.{os.getpid()}.{uuid.uuid4().hex[:12]}.part")


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname()) or "host"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _said(error: OSError) -> str:
    return error.strerror or str(error)

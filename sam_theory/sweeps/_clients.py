"""A Dask cluster before work is sent to it: who answers, and whether the workers compute what this process would."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from sam_theory import __version__
from sam_theory.errors import InputError
from sam_theory.sweeps._specification import SCHEMA
from sam_theory.sweeps._store import draft

__all__ = ["PATIENCE", "RESUME", "Expected", "check", "checked", "work_of"]

PATIENCE = 10.0  # seconds in which a scheduler has to answer
_FIRST = 30.0  # seconds in which a first worker has to appear
RESUME = "what is finished is kept: once that is mended, give the same command again"
_ONE_KIND = (
    "a result would depend on who computed it: take workers with one kind of processor, "
    "or start all with the same NPY_DISABLE_CPU_FEATURES"
)


@contextmanager
def checked(scheduler: str, work: Any, shared: Path | None) -> Iterator[tuple[Any, Expected]]:
    """A client of the cluster, and what each of its workers has to agree with: those that are there do."""
    client_of = _imported(scheduler)
    with _file_of(work, shared) as file, _quiet(), _connected(client_of, scheduler) as client:
        expected = Expected(_versions(), file)
        yield client, replace(expected, rounding=_agreed(_answers(client, expected, scheduler)))


def _imported(scheduler: str) -> Callable[..., Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            f"scheduler {scheduler!r} needs Dask; install it with: pip install 'sam-theory[cluster]'"
        ) from error
    return Client


@contextmanager
def _quiet() -> Iterator[None]:
    """No log of a lost connection, tracebacks included: the error says it. Importing Dask sets the levels."""
    loggers = [logging.getLogger(f"distributed.{name}") for name in ("batched", "client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _connected(client_of: Callable[..., Any], scheduler: str) -> Iterator[Any]:
    address = scheduler if "://" in scheduler else _address(Path(scheduler))
    from distributed.comm.addressing import get_address_host_port

    try:
        get_address_host_port(address, strict=True)  # a client that cannot read it would try to close for 20 s
        connected = client_of(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, NotImplementedError) as error:  # the last: a protocol without host and port
        origin = "" if address == scheduler else f", the address in {scheduler}"
        raise InputError(
            f"no Dask scheduler answers at {address}{origin} ({error}); "
            "start one with `dask scheduler`, and give the address that it prints"
        ) from error
    try:
        yield connected
    finally:
        connected.close(timeout=PATIENCE)


def _address(file: Path) -> str:
    try:
        address = json.loads(file.read_text(encoding="utf-8"))["address"]
    except OSError as error:
        raise InputError(
            f"scheduler file {file} cannot be read ({error.strerror}); "
            f"start a scheduler that writes it with `dask scheduler --scheduler-file {file}`"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file} is no scheduler file of Dask: it names no address; "
            "one is written by `dask scheduler --scheduler-file FILE.json`"
        ) from error
    return str(address)


@dataclass(frozen=True)
class Expected:
    """What a worker has to agree with."""

    versions: tuple[tuple[str, str], ...]
    file: str | None
    rounding: str = ""


def _versions() -> tuple[tuple[str, str], ...]:
    """What the bits of a result depend on."""
    found = [("sam_theory", __version__), ("schema of sweeps", str(SCHEMA))]
    found.append(("Python", f"{sys.version_info[0]}.{sys.version_info[1]}"))
    for name in ("numpy", "llvmlite"):
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append((name, "none"))
    return tuple(found)


@contextmanager
def _file_of(work: Any, shared: Path | None) -> Iterator[str | None]:
    """A file in ``shared`` that holds the work: each worker reads it once, if it sees the directory."""
    if shared is None:
        yield None
        return
    from distributed.protocol import pickle as by_value

    dumps: Callable[[Any], bytes] = by_value.dumps  # of what no module holds too
    sent, file = dumps(work), draft(shared.absolute() / "work")
    try:
        try:
            file.write_bytes(sent)
        except OSError as error:
            raise InputError(f"{file} cannot be written: {error.strerror}; {RESUME}") from error
        yield str(file)
    finally:
        with suppress(OSError):
            file.unlink()


@lru_cache(maxsize=4)
def work_of(file: str) -> Any:
    """The work, in a worker."""
    try:
        return pickle.loads(Path(file).read_bytes())
    except (ImportError, AttributeError) as error:
        raise InputError(f"{_here()} cannot do the work ({error}); install there what it is made of") from error


def _here() -> str:
    return f"the worker on {platform.node()} (process {os.getpid()})"


def rounding() -> str:
    """How NumPy rounds elementary functions on this processor: it has several codes for them."""
    import numpy as np

    points = np.concatenate([np.linspace(-20, 20, 4001), np.geomspace(1e-8, 1e8, 1001)])
    functions = (np.exp, np.tanh, np.sin, np.cos, np.arctan, lambda x: np.log(np.abs(x) + 1e-9))
    with np.errstate(all="ignore"):
        return hashlib.sha256(b"".join(function(points).tobytes() for function in functions)).hexdigest()


@cache
def check(expected: Expected) -> str:
    """Raise an error in a worker that does not agree, saying where it runs; else how it rounds."""
    for (name, wanted), (_, found) in zip(expected.versions, _versions(), strict=True):
        if wanted != found:
            raise InputError(f"{_here()} has {name} {found}, this process {wanted}; install the same on both")
    if expected.file is not None:
        file = Path(expected.file)
        if not file.exists():
            raise InputError(
                f"{_here()} does not see the store {file.parent}; "
                "give a directory that every worker has under this name"
            )
        if not os.access(file.parent, os.W_OK):
            raise InputError(f"{_here()} may not write into the store {file.parent}; change its permissions")
        work_of(expected.file)
    own = rounding()
    if expected.rounding not in ("", own):
        raise InputError(f"{_here()} rounds functions otherwise than those before it; {_ONE_KIND}")
    return own


def _answers(client: Any, expected: Expected, scheduler: str) -> dict[str, str]:
    """What each worker that is there answers."""
    try:
        client.wait_for_workers(1, timeout=_FIRST)
    except TimeoutError as error:
        raise InputError(
            f"the Dask scheduler {scheduler} has no workers; start some with `dask worker ADDRESS --nthreads 1`"
        ) from error
    answers = {}
    for address, answer in client.run(check, expected, on_error="return").items():
        if isinstance(answer, InputError):
            raise answer
        if isinstance(answer, str):
            answers[address] = answer
        elif not isinstance(answer, OSError):  # a worker that just died is Dask's to replace
            raise InputError(
                f"the worker at {address} cannot do the work ({answer}); install sam_theory {__version__} there"
            ) from answer
    return answers


def _agreed(answers: dict[str, str]) -> str:
    """The one rounding of all workers."""
    of = {answer: address for address, answer in answers.items()}
    if len(of) > 1:
        one, other, *_ = of.values()
        raise InputError(f"the workers at {one} and {other} round functions differently; {_ONE_KIND}")
    return next(iter(of), "")

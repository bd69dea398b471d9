"""Workers, seen from the process that measures them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from types import TracebackType
from typing import Any, Self

from sam_theory.bench._cases import Case
from sam_theory.errors import InputError

QUIET = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
"""No thread waits by spinning, and BLAS has one: with more, CPU time grows and no result comes sooner here."""


def environment() -> dict[str, str]:
    """Of a measured process."""
    return {**os.environ, **QUIET}


class Failed(Exception):
    """A worker could not do its work; the text says why."""


class Missing(Failed):
    """What a worker needs is not installed."""


class Worker:
    """A process that works for one contender of a case.

    Raises
    ------
    Missing, Failed
    """

    def __init__(self, case: Case, index: int) -> None:
        self.case, self.index = case, index
        self.errors = tempfile.TemporaryFile()
        command = [sys.executable, "-m", "sam_theory.bench._worker"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, env=environment()
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            status = self.process.wait()
            self.errors.seek(0)
            last = self.errors.read().decode(errors="replace").strip().splitlines()[-1:]
            raise Failed(f"its process ended with status {status}{': ' + last[0] if last else ''}")
        answer: dict[str, Any] = json.loads(line)
        if "missing" in answer:
            raise Missing(answer["missing"])
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def prepare(self) -> dict[str, Any]:
        """Import, compile; seconds."""
        return self.ask("prepare", case=self.case.document(), index=self.index)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.process.kill()
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def whole_process(command: list[str], text: str = "") -> tuple[dict[str, float], str, int]:
    """Run a command to its end: CPU and wall seconds with all its children, stdout and exit status."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile() as errors:
        given.write(text)
        given.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=given, stdout=out, stderr=errors, env=environment())
        try:
            _, status, spent = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = {"cpu": spent.ru_utime + spent.ru_stime, "wall": time.perf_counter() - began}
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return seconds, out.read(), process.returncode


def supported() -> None:
    """Refuse a system without the calls that measure processes."""
    if not hasattr(os, "wait4"):
        raise InputError("bench needs os.wait4 and the module resource; run it on Linux or macOS")

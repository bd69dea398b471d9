"""The process in which one contender does its work: ``python -m sam_theory.bench._worker [--once]``.

It reads one request per line from stdin and answers each with one line of JSON.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from sam_theory.bench._cases import Case, case_of

MODULES = {"optax": "_jax", "c-fast": "_c"}
"""The module of a peer that has another name."""

EXTRA = "install the extra 'bench'"


def used() -> tuple[float, float]:
    """CPU seconds of this process, all threads, and the time."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime, time.perf_counter()


def peak() -> float:
    """The largest memory of this process that was resident so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss counts the process that started this one, too
        kilobytes = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(kilobytes[0]) / 1e3
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (1e6 if platform.system() == "Darwin" else 1e3)


class _Worker:
    def __init__(self) -> None:
        self.work: Callable[[], dict[str, Any]] | None = None

    def prepare(self, case: dict[str, Any], index: int) -> dict[str, Any]:
        """Import and compile what the contender needs."""
        self.case: Case = case_of(case)
        contender = self.case.contenders[index]
        self.module = import_module(f"sam_theory.bench.{MODULES.get(contender.peer, '_' + contender.peer)}")
        missing = self.module.missing() if hasattr(self.module, "missing") else None
        if missing:
            return {"missing": missing}
        options = {**contender.options, "peer": contender.peer, "fresh": self.case.fresh}
        cpu, wall = used()
        self.case = self.case.shortened(contender.share)
        self.work = self.module.prepare(self.case, options)
        after = used()
        return {"cpu": after[0] - cpu, "wall": after[1] - wall}

    def run(self, save: str | None = None) -> dict[str, Any]:
        """Do the work once; the time is that of the work alone."""
        assert self.work is not None
        cpu, wall = used()
        raw = self.work()
        after = used()
        answer = {"cpu": after[0] - cpu, "wall": after[1] - wall, "memory": peak()}
        if save is not None:
            answer |= self._save(raw, Path(save))
        return answer

    def _save(self, raw: dict[str, Any], directory: Path) -> dict[str, Any]:
        import numpy as np

        found = self.module.outputs(raw, self.case) if hasattr(self.module, "outputs") else raw
        if not self.case.setting.get("last"):
            found = {name: value for name, value in found.items() if name != "top"}
        for name, value in found.items():
            np.save(directory / f"{name}.npy", np.asarray(value, dtype=np.float64))
        remarks = self.module.remarks(raw) if hasattr(self.module, "remarks") else {}
        size = sum(np.asarray(v).nbytes for v in found.values()) / 1e6
        return {"remarks": remarks, "output": size}

    def versions(self) -> dict[str, Any]:
        """Versions of what takes part."""
        return {"versions": self.module.versions()}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out a request; what fails is told in the answer."""
        try:
            found: dict[str, Any] = getattr(self, request.pop("do"))(**request)
            return found
        except ModuleNotFoundError as error:
            return {"missing": f"{error.name} is not installed; {EXTRA}"}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Answer requests until stdin ends."""
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = _Worker()
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()

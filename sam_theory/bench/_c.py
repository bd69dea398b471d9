"""The work in C, compiled at run time: with libm, and vectorised with -ffast-math (the limit).

The sources are those of ``sam_theory/bench/c``.  Of several numbers of lanes and widths of vectors the one that is
fastest on a part of the work is taken.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from sam_theory.bench._cases import Case, matrix, parameters, spectrum, starts

COMPILER = "gcc"
PLAIN = ("-O3", "-march=native")
FAST = (*PLAIN, "-ffast-math")
SAMPLE = 20_000_000
"""Trajectory-steps of a trial run."""

Work = Callable[[], dict[str, Any]]


def versions() -> dict[str, str]:
    """What takes part."""
    out = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True).stdout
    return {COMPILER: out.split("\n")[0].split()[-1]}


def missing() -> str | None:
    """Why it cannot take part, or None."""
    return None if shutil.which(COMPILER) else f"{COMPILER} is not installed"


def prepare(case: Case, options: dict[str, Any]) -> Work:
    """The work of a case as a function, compiled and tuned."""
    same = bool(options.get("same"))
    fast = options["peer"] == "c-fast"
    defines = ["-DCANCELLED"] if same else []
    if case.kind == "product":
        defines += [f"-D{case.setting['loss'].replace('sqrt1p', 'sqrt').upper()}", f"-D{case.setting['rule'].upper()}"]
        many = len(parameters(case.setting)[0]) > 1
        shapes = [(16, 256), (32, 512), (64, 512), (256, 512)] if many else [(1, 256), (2, 256), (8, 512)]
        trial, work = _product(case, SAMPLE), _product(case, None)
        source = "product.c"
    else:
        shapes = [(8, 512), (16, 256), (16, 512), (32, 512)]
        if case.kind == "dense" and not same:
            defines += ["-DMATRIX"]
        trial, work = (
            (_diagonal(c) if c.kind == "diagonal" else _dense(c, same)) for c in (case.shortened(0.05), case)
        )
        source = "quadratic.c"
    if fast:
        shapes = options.get("shapes", shapes)
        flags = [[*FAST, f"-DLANES={n}", f"-mprefer-vector-width={w}"] for n, w in shapes]
    else:
        flags = [[*PLAIN, f"-DLANES={n}"] for n in (1, 8)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        libraries = list(pool.map(lambda f: _compile(source, [*f, *defines]), flags))
    return work(_fastest(libraries, trial))


def _compile(source: str, flags: list[str]) -> Any:
    """A shared library; its file goes once it is loaded."""
    with tempfile.TemporaryDirectory() as directory, as_file(files("sam_theory.bench") / "c" / source) as path:
        out = Path(directory) / "work.so"
        command = [COMPILER, "-shared", "-fPIC", "-fopenmp", *flags, "-o", str(out), str(path), "-lm"]
        subprocess.run(command, check=True, capture_output=True, text=True)
        return ctypes.CDLL(str(out))


def _fastest(libraries: list[Any], trial: Callable[[Any], Work]) -> Any:
    def seconds(library: Any) -> float:
        run = trial(library)
        run()
        spent = []
        for _ in range(2):
            before = resource.getrusage(resource.RUSAGE_SELF)
            run()
            after = resource.getrusage(resource.RUSAGE_SELF)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(spent)

    return min(libraries, key=seconds) if len(libraries) > 1 else libraries[0]


def _pointer(a: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if a is None else a.ctypes.data)


def _product(case: Case, sample: int | None) -> Callable[[Any], Work]:
    s = case.setting
    eta, rho = parameters(s)
    steps, every = s["steps"], s["every"]
    if sample is not None:
        keep = max(1, sample // max(1, steps))
        pick = np.random.default_rng(0).permutation(len(eta))[:keep]
        eta, rho = eta[pick], rho[pick]
        steps = min(steps, sample // len(eta))
    start, n = np.array(s["start"]), len(eta)

    def work(library: Any) -> Work:
        def run() -> dict[str, Any]:
            final, diverged, top = np.empty((2, n)), np.empty(n), np.empty(n)
            states = np.empty((steps // every + 1, 2, n)) if every else None
            numbers = (ctypes.c_long(v) for v in (n, steps, s["last"], every or 1))
            library.run(*numbers, *map(_pointer, (eta, rho, start, final, diverged, top, states)))
            out = {"final": final, "diverged": diverged, "top": top}
            return out if states is None else {**out, "states": states}

        return run

    return work


def _iterate(library: Any, setting: Any, operator: Any, start: Any) -> Any:
    final = np.empty_like(start)
    numbers = (ctypes.c_long(v) for v in (*start.shape, setting["steps"]))
    lengths = (ctypes.c_double(setting[v]) for v in ("eta", "rho"))
    library.run(*numbers, *lengths, *map(_pointer, (operator, start, final)))
    return final


def _diagonal(case: Case) -> Callable[[Any], Work]:
    lam, start = spectrum(case.setting), starts(case.setting)
    return lambda library: lambda: {"final": _iterate(library, case.setting, lam, start)}


def _dense(case: Case, rotated: bool) -> Callable[[Any], Work]:
    a, start = matrix(case.setting), starts(case.setting)

    def work(library: Any) -> Work:
        def run() -> dict[str, Any]:
            if not rotated:
                return {"final": _iterate(library, case.setting, a, start)}
            lam, basis = np.linalg.eigh(a)
            return {"final": _iterate(library, case.setting, lam, np.ascontiguousarray(start @ basis)) @ basis.T}

        return run

    return work

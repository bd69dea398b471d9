"""What was measured, as tables: one for the goals, one per case, and the machine they hold for."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sam_theory.bench._agree import WITHIN
from sam_theory.bench._cases import WORKLOADS
from sam_theory.bench._goals import judge, median

__all__ = ["case_rows", "document", "goal_rows", "linear_rows", "machine", "markdown"]

Row = dict[str, str]
Measured = Sequence[Mapping[str, Any]]


def machine() -> dict[str, str]:
    """Processor, cores and system, without the date."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        fields = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        described = {key.strip(): value.strip() for key, value in fields.items()}
        name = described.get("model name", name)
        wide = [flag for flag in ("avx512f", "avx2", "asimd") if flag in described.get("flags", "").split()]
        if wide:
            name += f" ({wide[0].upper().replace('512F', '-512')})"
    return {"processor": name, "cores": str(os.cpu_count()), "system": f"{platform.system()} {platform.machine()}"}


def versions(measured: Measured) -> dict[str, str]:
    """Versions of all that took part."""
    found: dict[str, str] = {}
    for case in measured:
        for record in case["contenders"]:
            found.update(record.get("versions", {}))
    return found


def document(measured: Measured, scale: float, rounds: int) -> dict[str, Any]:
    """All rounds as JSON."""
    return {
        "machine": machine(),
        "versions": versions(measured),
        "scale": scale,
        "rounds": rounds,
        "agreement": WITHIN,
        "cases": list(measured),
        "goals": [
            {
                "case": j.goal.case, "ours": j.goal.ours, "against": j.other, "measure": j.goal.measure,
                "goal": j.goal.text, "values": [j.ours, j.theirs], "ratio": j.ratio, "met": j.met,
            }
            for j in judge(measured)
        ],
    }  # fmt: skip


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _ratio(value: float) -> str:
    return f"{value:.1f}×" if value >= 10 else f"{value:.2f}×"


def goal_rows(measured: Measured) -> list[Row]:
    """One row per goal that could be judged."""
    rows = []
    for j in judge(measured):
        memory = j.goal.measure == "memory"
        rows.append({
            "case": j.goal.case,
            "ours": j.goal.ours.removeprefix("ours, "),
            "measure": {"cpu": "CPU s", "wall": "wall s", "memory": "MB"}[j.goal.measure],
            "value": f"{j.ours:.0f}" if memory else _seconds(j.ours),
            "against": j.other,
            "its value": f"{j.theirs:.0f}" if memory else _seconds(j.theirs),
            "ratio": f"+ {j.ours - j.theirs:.0f} MB" if memory else _ratio(j.ratio),
            "goal": j.goal.text,
            "met": "yes" if j.met else "no",
        })  # fmt: skip
    return rows


def case_rows(case: Mapping[str, Any]) -> list[Row]:
    """One row per contender: medians, ratios, what preparing took, memory, agreement."""
    ours = median(case["contenders"][0], "cpu")
    rows = []
    for record in case["contenders"]:
        cpu, prepare, off = median(record, "cpu"), record.get("prepare"), record.get("difference")
        remarks = record.get("remarks") or {}
        note = record.get("missing") or record.get("failed") or ""
        if record["share"] != 1.0:
            note = note or f"measured on 1/{1 / record['share']:.0f} of the steps"
        if "exit status" in remarks:
            note = remarks["summary"]
        elif remarks.get("backend") == "numpy" and case["kind"] != "diagram":
            note = note or f"backend numpy: {remarks.get('reason')}"
        elif remarks.get("settled"):
            note = note or f"{remarks['settled']:.0%} settled"
        rows.append({
            "contender": record["name"],
            "CPU s": _seconds(cpu),
            "wall s": _seconds(median(record, "wall")),
            "CPU to ours": _ratio(cpu / ours) if cpu is not None and ours else "",
            "prepared in s": _seconds(prepare["wall"]) if prepare else "",
            "peak MB": f"{record['memory']:.0f}" if "memory" in record else "",
            "difference": f"{off:.0e}" if off else "",
            "note": note,
        })  # fmt: skip
    return [{key: row[key] for key in rows[0] if any(each[key] for each in rows)} for row in rows]


def linear_rows(measured: Measured) -> list[Row]:
    """Cost per trajectory-step at each size, where the workload *linear* was measured."""
    rows = []
    for case in measured:
        cpu = median(case["contenders"][0], "cpu")
        if case["workload"] == "linear" and cpu is not None:
            cells, steps = case["setting"]["eta"][2], case["setting"]["steps"]
            cost = cpu / cells / steps * 1e9
            sizes = {"trajectories": f"{cells:,}", "steps": f"{steps:,}"}
            rows.append({**sizes, "CPU s": _seconds(cpu), "ns per step": f"{cost:.2f}"})
    return rows


def _table(rows: Sequence[Row]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def markdown(measured: Measured, scale: float, rounds: int, command: str) -> str:
    """All tables as a page, with the machine and the versions."""
    here = machine()
    parts = [
        "# Benchmarks\n",
        f"Generated by `{command}`; never edited.\n",
        f"{here['processor']}, {here['cores']} cores, {here['system']}. "
        + ", ".join(f"{name} {version}" for name, version in versions(measured).items())
        + ".\n",
        _EXPLANATION.format(within=f"{WITHIN:.0e}", rounds=rounds)
        + ("" if scale == 1 else f" Sizes are {scale:g} of the full ones.")
        + "\n",
    ]
    goals = goal_rows(measured)
    if goals:
        parts += ["## Goals\n", _GOALS + "\n", _table(goals)]
    for name, text in WORKLOADS.items():
        own = [case for case in measured if case["workload"] == name]
        if not own:
            continue
        parts += [f"## {name}\n", text[0].upper() + text[1:] + ".\n"]
        if name == "linear":
            parts.append(_table(linear_rows(own)) if linear_rows(own) else "Not measured.\n")
            continue
        for case in own:
            parts += ([f"### {case['name']}\n"] if len(own) > 1 else []) + [_table(case_rows(case))]
    return "\n".join(parts)


_EXPLANATION = """\
Every contender works in a process of its own. Before anything is timed its whole output is compared with that of the
first peer of the table: every number (final states after all steps, all recorded states, largest values, who diverged)
may differ by {within} relative to max(1, its size), and the largest difference is in the table; whoever differs more is
not timed. SAM's unit vector of a gradient that underflows to 0 is 0 for everyone: in W1 SAM a third of the trajectories
collapses to the origin, and `optax.contrib.normalize` alone would give nan there. Times are medians of {rounds} rounds
A B C A B C ...; CPU seconds are user and system time of all threads. Imports, compilation and a first run are not in
them (they are in "prepared in"), except in the workload *first*, and BLAS has one thread.

NumPy, JAX, optax and torch get batched code without Python loops over trajectories, NumPy and torch in chunks that stay
in the cache. optax differentiates the loss as written; "gradient by hand" is what it gains without, and all others have
the gradient written out. "c" is gcc -O3 -march=native with libm and OpenMP, "c-fast" adds -ffast-math, the vectors of
libmvec and the fastest of several numbers of lanes; "same algebra" are the simplifications that this package makes: the
common factor cancelled before normalising, one pass per step on diagonal quadratics, the eigenbasis on dense ones. A
contender on a share of the steps has its times scaled up."""

_GOALS = """\
Ratios of medians in this run; "fastest C" is whichever contender in C took least, named in the table. "≥ n× less": the
other took n times ours or more; "≤ n×": ours took n times the other's or less."""

"""Runs the contenders of a case: agreement first, then rounds A B C A B C ..., each in its own process."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sam_theory.bench._agree import WITHIN, difference, outputs
from sam_theory.bench._cases import Case
from sam_theory.bench._processes import Failed, Missing, Worker, whole_process

Record = dict[str, Any]
Progress = Callable[[str], None]


def measure(case: Case, rounds: int, progress: Progress = lambda _: None) -> Record:
    """Measure one case.

    Parameters
    ----------
    case : Case
    rounds : int
        Timed runs of each contender, at least 1.
    progress : function
        Told what happens, line by line.

    Returns
    -------
    dict
        As JSON: the case and, for each contender, the seconds of each round (CPU and wall, divided by its share of
        the steps), of preparing, peak memory in MB, the largest difference to the reference, or why it has no times.
    """
    records: list[Record] = [{"name": c.name, "peer": c.peer, "share": c.share, "rounds": []} for c in case.contenders]
    with contextlib.ExitStack() as stack:
        runs = _runs(case, records, stack, progress)
        for number in range(rounds):
            for record, run in runs:
                if "failed" in record:
                    continue
                progress(f"{case.name}: {record['name']}, round {number + 1} of {rounds}")
                try:
                    spent = run()
                except Failed as error:
                    record["failed"], record["rounds"] = str(error), []
                    continue
                share = record["share"]
                record["rounds"].append({"cpu": spent["cpu"] / share, "wall": spent["wall"] / share})
    return {**case.document(), "contenders": records}


def _runs(
    case: Case, records: list[Record], stack: contextlib.ExitStack, progress: Progress
) -> list[tuple[Record, Callable[[], Record]]]:
    """Contenders that are ready and agree, each with what runs it once."""
    if case.kind == "verify":
        return [(record, partial(_verify, case, record)) for record in records]
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sam-theory-bench-")))
    ready: list[tuple[Record, Callable[[], Record]]] = []
    for index, (contender, record) in enumerate(zip(case.contenders, records, strict=True)):
        progress(f"{case.name}: {contender.name}, preparing")
        target = directory / str(index)
        target.mkdir()
        try:
            run = (_fresh if case.fresh else _persistent)(case, index, record, target, stack)
        except Missing as error:
            record["missing"] = str(error)
        except Failed as error:
            record["failed"] = str(error)
        else:
            ready.append((record, run))
    agree = list(_agreeing(case, records, directory))
    return [(record, run) for record, run in ready if record in agree]


def _persistent(
    case: Case, index: int, record: Record, target: Path, stack: contextlib.ExitStack
) -> Callable[[], Record]:
    with contextlib.ExitStack() as own:
        worker = own.enter_context(Worker(case, index))
        record["prepare"] = worker.prepare()
        record["versions"] = worker.ask("versions")["versions"]
        first = worker.ask("run", save=str(target))
        record |= {name: first[name] for name in ("memory", "output", "remarks")}
        stack.push(own.pop_all())
    return lambda: worker.ask("run")


def _fresh(case: Case, index: int, record: Record, target: Path, stack: contextlib.ExitStack) -> Callable[[], Record]:
    def run(save: str | None = None) -> Record:
        requests = [{"do": "prepare", "case": case.document(), "index": index}, {"do": "run", "save": save}]
        if save:
            requests.append({"do": "versions"})
        text = "".join(json.dumps(request) + "\n" for request in requests)
        spent, out, status = whole_process([sys.executable, "-m", "sam_theory.bench._worker"], text)
        answers = [json.loads(line) for line in out.splitlines()]
        for answer in answers:
            if "missing" in answer:
                raise Missing(answer["missing"])
            if "error" in answer:
                raise Failed(answer["error"])
        if status or len(answers) < len(requests):
            raise Failed(f"its process ended with status {status}")
        return {**spent, "memory": answers[1]["memory"], "answers": answers}

    *_, done, told = run(str(target))["answers"]
    record |= {"memory": done["memory"], "output": done["output"], "remarks": done["remarks"], **told}
    return run


def _agreeing(case: Case, records: list[Record], directory: Path) -> Iterator[Record]:
    """The contenders whose outputs are those of the reference: the first peer that has any, else ours."""
    found = {i: outputs(directory / str(i)) for i, r in enumerate(records) if not {"missing", "failed"} & set(r)}
    whole = [i for i in found if records[i]["share"] == 1.0]
    reference = next((i for i in whole if records[i]["peer"] != "ours"), whole[0] if whole else None)
    for i, result in found.items():
        if reference is None:
            continue
        off = difference(result, found[reference], records[i]["share"] != 1.0)
        records[i]["difference"] = off if off < float("inf") else None
        records[i]["reference"] = records[reference]["name"]
        if off <= WITHIN:
            yield records[i]
        else:
            records[i]["failed"] = f"differs from {records[reference]['name']} by {off:.1e}"


def _verify(case: Case, record: Record) -> Record:
    """``sam-theory verify`` in a process of its own."""
    command = [sys.executable, "-m", "sam_theory", "verify", "--budget", case.setting["budget"]]
    if case.setting["part"] < 1:
        from sam_theory import library

        theorems = library()
        command += [t.slug for t in theorems[: max(1, round(len(theorems) * case.setting["part"]))]]
    spent, out, status = whole_process(command)
    lines = out.strip().splitlines()
    record["remarks"] = {"exit status": status, "summary": lines[-1].lstrip("# ") if lines else ""}
    return spent

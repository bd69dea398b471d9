"""The step of a map as a compiled Python loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from sam_theory.arithmetic import Program, python_source
from sam_theory.dynamics._outcome import DIVERGED_BEYOND

State = tuple[float, ...]
Advance = Callable[[State, State, int, int, list[State]], tuple[int, State]]


@lru_cache(maxsize=64)
def compiled(program: Program, state: tuple[str, ...], parameters: tuple[str, ...], d: int) -> tuple[Advance, Advance]:
    """``advance(state, parameters, first, count, record) -> (reached, state)``, without and with recording.

    It stops early, before the step, where a step comes near the divergence limit or raises.
    """
    places = [f"{v}:{i}" for v in state for i in range(d)]
    names = [f"s{i}" for i in range(len(places))]
    constants = [f"p{i}" for i in range(len(parameters))]
    rename = dict(zip((*places, *parameters, "k"), (*names, *constants, "k"), strict=True))
    lines, outputs, scope = python_source(program, rename)
    assert all(name.isidentifier() for name in rename.values())
    new = [outputs[p] for p in places]
    limit = 0.999 * DIVERGED_BEYOND / d**0.5
    inside = [f"-{limit!r} < {e} < {limit!r}" if i < d else f"-_inf < {e} < _inf" for i, e in enumerate(new)]
    clock = ["k = float(t)"] if "k" in program.inputs else []
    functions = []
    for record in ([], [f"record(({', '.join(names)},))"]):
        body = [*clock, *lines, f"if not ({' and '.join(inside)}):", f"    return t, ({', '.join(names)},)"]
        body += [f"{', '.join(names)} = {', '.join(new)}", *record]
        source = [
            "def advance(state, parameters, first, count, out):",
            f"    {', '.join(names)}, = state",
            *([f"    {', '.join(constants)}, = parameters"] if parameters else []),
            "    record = out.append",
            "    t = first",
            "    try:",
            "        for t in range(first, first + count):",
            *(f"            {line}" for line in body),
            "    except (ArithmeticError, ValueError):",
            f"        return t, ({', '.join(names)},)",
            f"    return first + count, ({', '.join(names)},)",
        ]
        space = {**scope, "_inf": float("inf")}
        exec(compile("\n".join(source), "<orbit>", "exec"), space)  # only generated names and numbers
        functions.append(space["advance"])
    return functions[0], functions[1]

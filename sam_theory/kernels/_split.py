"""A flat program in two parts: what depends on parameters alone, and what every step has to compute."""

from __future__ import annotations

from sam_theory.arithmetic import Builder, Program


def split(program: Program, varying: frozenset[str]) -> tuple[Program, Program]:
    """``program`` as one to run before a loop and one to run in it.

    Parameters
    ----------
    program : Program
        A program of scalars.
    varying : set of str
        Inputs that change from step to step.

    Returns
    -------
    tuple of two Programs
        The first has an output ``#i`` for each value that the second reads as an input of this name.
    """
    moves = [False] * len(program.nodes)
    for i, node in program:
        moves[i] = node.data in varying if node.op == "input" else any(moves[j] for j in node.args)
    before, inside = Builder(), Builder()
    early: dict[int, int] = {}
    late: dict[int, int] = {}
    carried: dict[str, int] = {}

    def first(i: int) -> int:
        if i not in early:
            node = program.nodes[i]
            args = [first(j) for j in node.args]
            early[i] = before.emit(node.op, *args, data=node.data, kind=program.kinds[i])
        return early[i]

    def then(i: int) -> int:
        if i not in late:
            node, kind = program.nodes[i], program.kinds[i]
            if moves[i] or kind == "v" or node.op in ("number", "input"):
                args = [then(j) for j in node.args]
                late[i] = inside.emit(node.op, *args, data=node.data, kind=kind)
            else:
                carried[f"#{i}"] = first(i)
                late[i] = inside.emit("input", data=f"#{i}", kind="s")
        return late[i]

    for i in range(len(program.nodes)):  # in order, so that no recursion is deep
        if moves[i]:
            then(i)
        elif program.kinds[i] == "s":
            first(i)
    outputs = {name: then(i) for name, i in program.outputs}
    return before.finish(carried), inside.finish(outputs)

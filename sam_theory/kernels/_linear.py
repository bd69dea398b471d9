"""Next states that are linear in the state, coordinate by coordinate: one factor for each state vector.

SAM on a diagonal quadratic, w − η(λ(w + rλw)) with a scalar r, becomes (1 − ηλ − rηλ²)·w.
"""

from __future__ import annotations

from dataclasses import dataclass

from sam_theory.kernels._rolled import ELEMENTWISE, Roll, Rolled

#: a product of tables, by their places in order
_Tables = tuple[int, ...]


@dataclass(frozen=True)
class _Form:
    """Σ scalar·tables·vector: for each state vector and each product of tables a sum of scalars."""

    terms: dict[tuple[int, _Tables], tuple[int, ...]]


def combined(program: Rolled) -> Rolled:
    """A program whose outputs are sums of factors times state vectors, where that takes fewer operations.

    What is summed over coordinates stays as it is: directions are derived from it.
    """
    steps = program.steps
    roll = Roll(program.dimension)
    places: list[int] = []
    for step in steps:
        args = [places[a] for a in step.args]
        if step.op in ELEMENTWISE:
            places.append(roll.apply(step.op, args, step.data))
        else:
            places.append(roll.emit(step.op, *args, data=step.data, size=step.size))
    outputs = {}
    for name, i in program.outputs.items():
        form = _form(roll, places[i])
        outputs[name] = places[i] if form is None else _written(roll, form)
    found = Rolled(tuple(roll.steps), outputs, program.dimension, program.parts)
    return found if _cost(found) < _cost(program) else program


def _form(roll: Roll, i: int) -> _Form | None:
    """A vector as a linear form in the state; None where it is none."""
    step = roll.steps[i]
    if step.op == "input":
        return _Form({(i, ()): (roll.number(1),)})
    if step.op in ("add", "sub"):
        left, right = (_form(roll, a) for a in step.args)
        if left is None or right is None:
            return None
        terms = dict(left.terms)
        for key, scalars in right.terms.items():
            signed = tuple(roll.apply("neg", [s]) for s in scalars) if step.op == "sub" else scalars
            terms[key] = (*terms.get(key, ()), *signed)
        return _Form(terms)
    if step.op == "neg":
        inner = _form(roll, step.args[0])
        return None if inner is None else _scaled(roll, inner, roll.number(-1))
    if step.op != "mul":
        return None
    a, b = step.args
    if not roll.steps[a].size:
        inner = _form(roll, b)
        return None if inner is None else _scaled(roll, inner, a)
    scalar, table = _product(roll, a)
    if table is None:
        a, b = b, a
        scalar, table = _product(roll, a)
    if table is None:
        return None
    inner = _form(roll, b)
    if inner is None:
        return None
    inner = _Form({(v, tuple(sorted((*tables, table)))): s for (v, tables), s in inner.terms.items()})
    return inner if scalar is None else _scaled(roll, inner, scalar)


def _product(roll: Roll, i: int) -> tuple[int | None, int | None]:
    """A table, or a scalar times one."""
    step = roll.steps[i]
    if step.op == "table":
        return None, i
    if step.op == "mul" and not roll.steps[step.args[0]].size and roll.steps[step.args[1]].op == "table":
        return step.args[0], step.args[1]
    return None, None


def _scaled(roll: Roll, form: _Form, factor: int) -> _Form:
    return _Form({key: tuple(_times(roll, factor, s) for s in scalars) for key, scalars in form.terms.items()})


def _times(roll: Roll, a: int, b: int) -> int:
    """a·b of scalars, signs in front."""
    for one, other in ((a, b), (b, a)):
        step = roll.steps[one]
        if step.op == "number" and step.data == 1:
            return other
        if step.op == "number" and step.data == -1:
            return roll.steps[other].args[0] if roll.steps[other].op == "neg" else roll.emit("neg", other)
        if step.op == "neg":
            return _times(roll, roll.number(-1), _times(roll, step.args[0], other))
    return roll.emit("mul", a, b)


def _written(roll: Roll, form: _Form) -> int:
    """The form as operations: factors first that are the same at all times, then those that depend on the state."""
    total: int | None = None
    for vector in dict.fromkeys(v for v, _ in form.terms):
        fixed: int | None = None
        later: list[tuple[int, _Tables]] = []
        for (v, tables), scalars in form.terms.items():
            if v != vector:
                continue
            for s in scalars:
                if roll.fixed(s):
                    fixed = _plus(roll, fixed, _weighted(roll, s, tables))
                else:
                    later.append((s, tables))
        factor = fixed
        for s, tables in later:
            factor = _plus(roll, factor, _weighted(roll, s, tables))
        assert factor is not None
        unit = roll.steps[factor].op == "number" and roll.steps[factor].data == 1
        total = _plus(roll, total, vector if unit else roll.emit("mul", factor, vector))
    assert total is not None
    return total


def _weighted(roll: Roll, scalar: int, tables: _Tables) -> int:
    """A scalar times a product of tables."""
    if not tables:
        return scalar
    product = tables[0]
    for table in tables[1:]:
        product = roll.emit("mul", product, table)
    step = roll.steps[scalar]
    if step.op == "number" and step.data == 1:
        return product
    return roll.emit("mul", scalar, product)


def _plus(roll: Roll, a: int | None, b: int) -> int:
    """a + b, with a difference where b has a minus sign in front."""
    if a is None:
        return b
    step = roll.steps[b]
    if step.op == "mul" and roll.steps[step.args[0]].op == "neg":
        inner = roll.steps[step.args[0]].args[0]
        return roll.emit("sub", a, roll.emit("mul", inner, step.args[1]))
    return roll.emit("add", a, b)


def _cost(program: Rolled) -> int:
    """Operations on coordinates in the last pass, where all parameters are common to the lanes."""
    steps = program.steps
    seen: set[int] = set()
    fused: set[int] = set()
    stack = list(program.outputs.values())
    fixed: dict[int, bool] = {}
    for i, step in enumerate(steps):
        fixed[i] = step.op not in ("sum", "square", "largest", "factored") and not (step.op == "input" and step.size)
        fixed[i] = fixed[i] and all(fixed[a] for a in step.args)
    while stack:
        i = stack.pop()
        if i in seen or not steps[i].size or fixed[i] or steps[i].op in ("input", "factored"):
            continue
        seen.add(i)
        stack.extend(steps[i].args)
        if steps[i].op in ("add", "sub"):
            products = [a for a in steps[i].args if steps[a].op == "mul" and not fixed[a]]
            fused.update(products[-1:])
    return len(seen - fused)

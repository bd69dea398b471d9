"""Programs as Python functions: what an arithmetic runs instead of interpreting, once it has met a program often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from sam_theory.arithmetic._program import Program
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from sam_theory.arithmetic._base import Arithmetic

#: Operations that are Python's operators for the values of an arithmetic: what it may ``inline``.
OPERATORS: dict[str, str] = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "neg": "-{}",
    "mul": "{} * {}",
    "ipow 2": "{0} * {0}",
    "component": "{0}[{data}] if 0 <= {data} < len({0}) else arithmetic.component({0}, {data})",
}

Run = Callable[[Any, Mapping[str, Any], Any], dict[str, Any]]


def missing_input(name: str) -> InputError:
    """What is raised for an input without a value."""
    return InputError(f"no value for '{name}'; give it among the parameters or the state")


def missing_field() -> InputError:
    """What is raised for a gradient without a loss."""
    return InputError("a gradient is asked for, but no loss is given")


def _input(name: str) -> NoReturn:
    raise missing_input(name)


def _field() -> NoReturn:
    raise missing_field()


def _fixed(arithmetic: Arithmetic, data: Any, target: str, scope: dict[str, Any]) -> bool:
    """Put a constant into ``scope``, once for all runs; not one that is refused, which is an error of the run."""
    if not arithmetic.fixed_numbers:
        return False
    try:
        scope[target] = arithmetic.number(data)
    except InputError:
        return False
    return True


def compiled(program: Program, arithmetic: Arithmetic) -> Run:
    """``run(arithmetic, env, field)`` as straight-line code for all arithmetics of the class of ``arithmetic``.

    Each node is, in the order of the program, a call of the method that gives the operation its meaning, or what
    ``inline`` says that such a call comes to (``{0}``, ``{1}`` are the arguments, ``{data}`` the constant data).
    """
    scope: dict[str, Any] = {**arithmetic.scope, "_input": _input, "_field": _field}
    body: list[str] = []
    names: list[str] = []
    for i, (shape, op, places, data) in enumerate(program.plan):
        args = [names[j] for j in places]
        target, constant = f"v{i}", f"d{i}"
        names.append(target)
        template = arithmetic.inline.get(f"{op} {data}") or arithmetic.inline.get(op)
        if shape == "input":
            body.append(f"    {target} = env[{data!r}] if {data!r} in env else _input({data!r})")
        elif shape == "number" and _fixed(arithmetic, data, target, scope):
            continue
        elif template is not None:
            body.append(f"    {target} = {template.format(*args, data=data)}")
        else:
            scope[constant] = data
            body.append(f"    {target} = arithmetic.{_call(shape, op, args, data, constant)}")
    outputs = ", ".join(f"{name!r}: {names[i]}" for name, i in program.outputs)
    source = ["def run(arithmetic, env, field):", *body, f"    return {{{outputs}}}"]
    exec(compile("\n".join(source), "<program>", "exec"), scope)  # only generated names and quoted ones
    run: Run = scope["run"]
    return run


def _call(shape: str, op: str, args: list[str], data: Any, constant: str) -> str:
    """The call of the method of an operation, as ``Arithmetic.run`` makes it."""
    listed = ", ".join(args)
    match op:
        case "number":
            return f"number({constant})"
        case "call":
            return f"call({constant}[0], {constant}[1], {listed})"
        case "block":
            return f"block({listed}, *{constant})"
        case "each":
            return f"each([{listed}], {constant})"
        case "matmul":
            return f"matmul({constant}, {listed})"
    if shape == "list":
        return f"{op}([{listed}])"
    if shape == "field":
        return f"{op}(_field() if field is None else field, {listed}, env)"
    return f"{op}({listed})" if shape in ("unary", "binary") else f"{op}({listed}, {constant})"

"""Programs as Python functions: what an arithmetic runs instead of interpreting, once it has met a program often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

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
    "component": "{0}[{data}] if {data} < len({0}) else arithmetic.component({0}, {data})",
}

Run = Callable[[Any, Mapping[str, Any], Any], dict[str, Any]]


def missing_input(name: str) -> InputError:
    """What is raised for an input without a value."""
    return InputError(f"no value for '{name}'; give it among the parameters or the state")


def missing_field() -> InputError:
    """What is raised for a gradient without a loss."""
    return InputError("a gradient is asked for, but no loss is given")


@lru_cache(maxsize=4096)
def compiled(program: Program, kind: type[Arithmetic]) -> Run:
    """``run(arithmetic, env, field)`` as straight-line code for arithmetics of class ``kind``.

    Each node is a call of the method that gives the operation its meaning, or what ``kind.inline`` says that such
    a call comes to (``{0}``, ``{1}`` are the arguments, ``{data}`` the constant data).
    """
    scope: dict[str, Any] = {**kind.scope, "_missing_input": missing_input, "_missing_field": missing_field}
    inputs: list[str] = []
    body: list[str] = []
    names: list[str] = []
    for i, (shape, op, places, data) in enumerate(program.plan):
        args = [names[j] for j in places]
        target, constant = f"v{i}", f"d{i}"
        names.append(target)
        template = kind.inline.get(f"{op} {data}") or kind.inline.get(op)
        if shape == "input":
            inputs.append(f"        {target} = env[{data!r}]")
        elif shape == "number" and kind.fixed_numbers:
            scope[target] = kind().number(data)
        elif template is not None:
            body.append(f"    {target} = {template.format(*args, data=data)}")
        else:
            scope[constant] = data
            body.append(f"    {target} = arithmetic.{_call(shape, op, args, data, constant)}")
    if any(shape == "field" for shape, *_ in program.plan):
        body.insert(0, "    if field is None: raise _missing_field()")
    if inputs:
        catch = ["    except KeyError as name:", "        raise _missing_input(name.args[0]) from None"]
        inputs = ["    try:", *inputs, *catch]
    outputs = ", ".join(f"{name!r}: {names[i]}" for name, i in program.outputs)
    source = ["def run(arithmetic, env, field):", *inputs, *body, f"    return {{{outputs}}}"]
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
        return f"{op}(field, {listed}, env)"
    return f"{op}({listed})" if shape in ("unary", "binary") else f"{op}({listed}, {constant})"

"""Programs as Python functions: what an arithmetic runs instead of interpreting, once it has met a program often."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from sam_theory.arithmetic._program import Program
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from sam_theory.arithmetic._base import Arithmetic, Field

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
Bind = Callable[[Any, Mapping[str, Any]], Callable[[Mapping[str, Any]], dict[str, Any]]]
#: shape, operation, places of the arguments and constant data of a node
Step = tuple[str, str, tuple[int, ...], Any]


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


class _Code:
    """Lines of Python for the nodes of a plan: node ``i`` becomes the variable ``v{i}``.

    Each node is a call of the method that gives the operation its meaning, or what ``inline`` says that such a call
    comes to (``{0}``, ``{1}`` are the arguments, ``{data}`` the constant data).
    """

    def __init__(self, arithmetic: Arithmetic) -> None:
        self.arithmetic = arithmetic
        self.scope: dict[str, Any] = {**arithmetic.scope, "_input": _input, "_field": _field}

    def line(self, i: int, step: Step) -> str | None:
        """The line of node ``i``; None for a constant, which ``scope`` then holds."""
        shape, op, places, data = step
        args = [f"v{j}" for j in places]
        target, constant = f"v{i}", f"d{i}"
        template = self.arithmetic.inline.get(f"{op} {data}") or self.arithmetic.inline.get(op)
        if shape == "input":
            return f"{target} = env[{data!r}] if {data!r} in env else _input({data!r})"
        if shape == "number" and _fixed(self.arithmetic, data, target, self.scope):
            return None
        if template is not None:
            return f"{target} = {template.format(*args, data=data)}"
        self.scope[constant] = data
        return f"{target} = arithmetic.{_call(shape, op, args, data, constant)}"

    def function(self, source: list[str], name: str) -> Any:
        """The function of that name in the source."""
        exec(compile("\n".join(source), "<program>", "exec"), self.scope)  # only generated names and quoted ones
        return self.scope[name]


def _results(outputs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name!r}: v{i}" for name, i in outputs)


def compiled(program: Program, arithmetic: Arithmetic) -> Run:
    """``run(arithmetic, env, field)`` as straight-line code for all arithmetics of the class of ``arithmetic``."""
    code = _Code(arithmetic)
    lines = [line for i, step in enumerate(program.plan) if (line := code.line(i, step)) is not None]
    body = [f"    {line}" for line in (*lines, f"return {{{_results(program.outputs)}}}")]
    run: Run = code.function(["def run(arithmetic, env, field):", *body], "run")
    return run


def bound(program: Program, arithmetic: Arithmetic, field: Field | None, varying: Iterable[str]) -> Bind:
    """``bind(arithmetic, env)``: the program of the inputs ``varying``, what depends on the others alone computed once.

    The programs of ``field`` stand in the place of its gradients and values, those of a link in the place of its calls.
    Choices of the smaller or the larger of two numbers are a minimum or a maximum: where one is no number, neither is
    the result.  Raises InputError if there is no field.
    """
    plan, outputs = _with_field(program, field)
    code, names = _Code(arithmetic), frozenset(varying)
    moving: list[bool] = []
    before: list[str] = []
    after: list[str] = []
    for i, step in enumerate(plan):
        shape, _, places, data = step
        moving.append(data in names if shape == "input" else any(moving[j] for j in places))
        line = code.line(i, step)
        if line is not None:
            (after if moving[-1] else before).append(line)
    source = [
        "def bind(arithmetic, env):",
        *(f"    {line}" for line in before),
        "    def run(env):",
        *(f"        {line}" for line in after),
        f"        return {{{_results(outputs)}}}",
        "    return run",
    ]
    bind: Bind = code.function(source, "bind")
    return bind


def _with_field(program: Program, field: Field | None) -> tuple[list[Step], list[tuple[str, int]]]:
    """The nodes of a program with those of the field's programs in their places, each distinct one once."""
    plan: list[Step] = []
    known: dict[Step, int] = {}

    def emit(step: Step) -> int:
        _, op, at, data = step
        if op == "component" and plan[at[0]][1] == "stack" and data < len(plan[at[0]][2]):
            return plan[at[0]][2][data]
        if op == "select" and data is True and at[:2] in (at[2:], at[:1:-1]):
            step = "binary", "minimum" if at[:2] == at[2:] else "maximum", at[:2], None
        place = known.setdefault(step, len(plan))
        if place == len(plan):
            plan.append(step)
        return place

    def expand(part: Program, given: Mapping[str, int]) -> list[int]:
        places: list[int] = []
        for shape, op, args, data in part.plan:
            at = tuple(places[j] for j in args)
            if shape == "input" and data in given:
                places.append(given[data])
            elif shape == "field":
                if field is None:
                    raise missing_field()
                own = {"w": at[0], **dict(zip(("sample",), at[1:], strict=False))}
                inner = _field_program(field, op)
                result = expand(inner, {**given, **own})[dict(inner.outputs)["result"]]
                places.append(result if op == "value" else emit(("binary", "as_vector", (result, at[0]), None)))
            elif op == "call" and getattr(data[0], "expression", None) is not None:
                inner = data[0].program(data[1])
                places.append(expand(inner, {"z": at[0]})[dict(inner.outputs)["result"]])
            else:
                places.append(emit((shape, op, at, data)))
        return places

    places = expand(program, {})
    return plan, [(name, places[i]) for name, i in program.outputs]


def _field_program(field: Field, op: str) -> Program:
    """The program behind an operation on a loss."""
    if op == "sample":
        return sample_program(field)
    return field.gradient_program if op == "grad" else field.value_program


def sample_program(field: Field) -> Program:
    """The gradient of one sample; raises InputError for a loss that is no sum."""
    program: Program | None = getattr(field, "sample_program", None)
    if program is None:
        raise InputError(f"{getattr(field, 'name', 'the loss')} is no sum over samples; use a FiniteSum")
    return program


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

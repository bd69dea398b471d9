"""The derivative of a program of scalars as a program of scalars: Jacobians at the speed of generated code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sam_theory.arithmetic._jets import SLOPES
from sam_theory.arithmetic._program import Program, Traced
from sam_theory.arithmetic._trace import Flatten
from sam_theory.errors import InputError

__all__ = ["with_derivative"]

#: The partial derivatives of a scalar that may differ from 0, by the number of the direction.
Tangent = dict[int, Traced]


def with_derivative(program: Program, directions: Sequence[str]) -> Program:
    r"""The program with its partial derivatives as further outputs, by forward differentiation.

    Where the program has a branch, the derivative is that of the branch taken.

    Parameters
    ----------
    program : Program
        Of scalars alone, such as ``Map.flat``.
    directions : sequence of str
        Names of inputs.

    Returns
    -------
    Program
        The same outputs; ``out|in`` for :math:`\partial\,out/\partial\,in`; ``jump`` and ``kink``, each if there is
        any: the least modulus among the quantities at whose zeros the program (``jump``) or only its derivative
        (``kink``) may be discontinuous.  At such a zero the derivatives mean nothing.

    Raises
    ------
    InputError
        For an operation on vectors, or a power whose exponent depends on a direction.

    Examples
    --------
    >>> from sam_theory.arithmetic import Rational
    >>> from sam_theory.dynamics import Map
    >>> from sam_theory.losses import Quadratic
    >>> from sam_theory.rules import usam
    >>> program = with_derivative(Map(usam, Quadratic(3)).flat, ["w:0"])
    >>> env = {"w:0": Fraction(2), "eta": Fraction(1, 2), "rho": Fraction(1, 3)}
    >>> print(Rational().run(program, env)["w:0|w:0"])
    -2
    """
    forward = _Forward(directions)
    for _, node in program:
        forward.add(node.op, node.args, node.data)
    outputs: dict[str, Traced] = {}
    zero = forward.flat.number(Fraction(0))
    for name, i in program.outputs:
        outputs[name] = forward.values[i]
        for j, direction in enumerate(directions):
            outputs[f"{name}|{direction}"] = forward.tangents[i].get(j, zero)
    for name, found in (("jump", forward.jumps), ("kink", forward.kinks)):
        least: Traced | None = None
        for a in dict.fromkeys(a.index for a in found):
            size = abs(Traced(forward.flat.builder, a))
            least = size if least is None else size.emit("select", size, least, size, least, data=True)
        if least is not None:
            outputs[name] = least
    return forward.flat.finish(outputs)


class _Forward:
    """Values and tangents of the nodes so far; those of a vector are lists."""

    def __init__(self, directions: Sequence[str]) -> None:
        self.flat = Flatten()
        self.directions = {name: i for i, name in enumerate(directions)}
        self.values: list[Any] = []
        self.tangents: list[Any] = []
        self.jumps: list[Traced] = []
        self.kinks: list[Traced] = []

    def add(self, op: str, args: Sequence[int], data: Any) -> None:
        values = [self.values[i] for i in args]
        tangents = [self.tangents[i] for i in args]
        value, tangent = self._node(op, values, tangents, data)
        self.values.append(value)
        self.tangents.append(tangent)

    def _node(self, op: str, values: list[Any], tangents: list[Any], data: Any) -> tuple[Any, Any]:
        match op:
            case "number":
                return self.flat.number(data), {}
            case "input":
                known = self.directions.get(data)
                return self.flat.input(data), {} if known is None else {known: self.flat.number(Fraction(1))}
            case "stack":
                return values, tangents
            case "component":
                return values[0][data], tangents[0][data]
            case "norm":
                return self._norm(values[0], tangents[0])
            case "unit":
                return self._unit(values[0], tangents[0], values[1], tangents[1], data)
            case "select":
                return self._select(values, tangents, data)
        if op not in _SCALAR:
            raise InputError(f"operation '{op}' is not one of scalars; flatten the program first")
        value = self._again(op, values, data)
        return value, _SCALAR[op](self, values, tangents, value, data)

    def _again(self, op: str, values: list[Traced], data: Any) -> Traced:
        return values[0].emit(op, *values, data=data)

    # -- linear algebra of tangents ----------------------------------------------------------------------
    def number_of(self, a: Traced) -> Fraction | None:
        """The constant that ``a`` is, if it is one."""
        node = self.flat.builder.nodes[a.index]
        number: Any = node.data
        return number if node.op == "number" else None

    def combined(self, *terms: tuple[Traced | None, Tangent]) -> Tangent:
        """Σ factor·tangent; a factor None is 1."""
        result: Tangent = {}
        for factor, tangent in terms:
            for i, t in tangent.items():
                product = self._product(factor, t)
                result[i] = product if i not in result else result[i] + product
        return result

    def _product(self, factor: Traced | None, t: Traced) -> Traced:
        if factor is None or self.number_of(factor) == 1:
            return t
        return factor if self.number_of(t) == 1 else factor * t

    def slope(self, factor: Callable[[], Traced], tangent: Tangent) -> Tangent:
        """factor·tangent; the factor is computed only if there is a tangent."""
        return self.combined((factor(), tangent)) if tangent else {}

    # -- nodes with branches -----------------------------------------------------------------------------
    def _norm(self, v: list[Traced], dv: list[Tangent]) -> tuple[Traced, Tangent]:
        stacked = v[0].emit("stack", *v)
        n = stacked.emit("norm", stacked)
        if not any(dv):
            return n, {}
        self.kinks.append(n)
        return n, self.combined(*((a / n, t) for a, t in zip(v, dv, strict=True)))

    def _select(self, values: list[Any], tangents: list[Any], strict: bool) -> tuple[Any, Tangent]:
        a, b, then, otherwise = values
        value = a.emit("select", *values, data=strict)
        if tangents[0] or tangents[1]:
            continuous = {a.index, b.index} == {then.index, otherwise.index}
            (self.kinks if continuous else self.jumps).append(a - b)
        zero = self.flat.number(Fraction(0))
        sides = (tangents[2], tangents[3])
        return value, {
            i: a.emit("select", a, b, *(side.get(i, zero) for side in sides), data=strict)
            for i in sorted({*sides[0], *sides[1]})
        }

    def _unit(
        self, v: list[Traced], dv: list[Tangent], eps: Traced, deps: Tangent, normalisation: str
    ) -> tuple[list[Traced], list[Tangent]]:
        if deps:
            raise InputError("the regularisation of a normalised step depends on the state")
        stacked = v[0].emit("stack", *v)
        n = stacked.emit("norm", stacked)
        unit = stacked.emit("unit", stacked, eps, data=normalisation)
        u = [unit.emit("component", unit, data=i) for i in range(len(v))]
        if not any(dv):
            return u, [{} for _ in v]
        plain = self.number_of(eps) == 0
        self.jumps.append(n if plain else n + abs(eps))
        if plain and len(v) == 1:
            return u, [{}]
        if plain or normalisation == "quadrature":
            # The derivative of √(n²+ε²) is ⟨u, dv⟩ with the regularised u itself.
            m = n if plain else self._hypot(n, eps)
            dm = self.combined(*zip(u, dv, strict=True))
        else:
            exact = stacked.emit("unit", stacked, self.flat.number(Fraction(0)), data="add")
            parts = [exact.emit("component", exact, data=i) for i in range(len(v))]
            dm = self.combined(*zip(parts, dv, strict=True))
            if normalisation == "add":
                m = n + eps
            else:
                self.kinks.append(n - eps)
                zero = self.flat.number(Fraction(0))
                m = n.emit("select", n, eps, eps, n, data=True)
                dm = {i: n.emit("select", n, eps, zero, t, data=True) for i, t in dm.items()}
        return u, [
            {i: t / m for i, t in self.combined((None, own), (-a, dm)).items()} for a, own in zip(u, dv, strict=True)
        ]

    def _hypot(self, a: Traced, b: Traced) -> Traced:
        both = a.emit("stack", a, b)
        return both.emit("norm", both)


# -- scalars: (forward, values, tangents, value, data) -> tangent --------------------------------------------
def _div(f: _Forward, v: list[Traced], t: list[Tangent], q: Traced, data: Any) -> Tangent:
    return {i: a / v[1] for i, a in f.combined((None, t[0]), *(((-q), t[1]),) * bool(t[1])).items()}


def _power(f: _Forward, v: list[Traced], t: list[Tangent], value: Traced, data: Any) -> Tangent:
    if t[1]:
        raise InputError("a power whose exponent depends on the state has no derivative here")
    return f.slope(lambda: v[1] * v[0].emit("power", v[0], v[1] - 1), t[0])


def _ipow(f: _Forward, v: list[Traced], t: list[Tangent], value: Traced, n: int) -> Tangent:
    if n == 0:
        return {}
    if n == 1:
        return t[0]
    return f.slope(lambda: f.flat.number(Fraction(n)) * (v[0] if n == 2 else v[0] ** (n - 1)), t[0])


def _sqrt(f: _Forward, v: list[Traced], t: list[Tangent], root: Traced, data: Any) -> Tangent:
    f.kinks.extend([root] if t[0] else [])
    return {i: a / (2 * root) for i, a in t[0].items()}


def _abs(f: _Forward, v: list[Traced], t: list[Tangent], value: Traced, data: Any) -> Tangent:
    f.kinks.extend(v if t[0] else [])
    return f.slope(lambda: v[0].emit("sign", v[0]), t[0])


def _sign(f: _Forward, v: list[Traced], t: list[Tangent], value: Traced, data: Any) -> Tangent:
    f.jumps.extend(v if t[0] else [])
    return {}


def _call(f: _Forward, v: list[Traced], t: list[Tangent], value: Traced, data: Any) -> Tangent:
    return f.slope(lambda: SLOPES[data[0]](f.flat, v[0], value), t[0])


def _product(f: _Forward, v: list[Traced], t: list[Tangent], value: Traced, data: Any) -> Tangent:
    return f.combined((v[1], t[0]), (v[0], t[1]))


def _difference(f: _Forward, v: list[Traced], t: list[Tangent], value: Traced, data: Any) -> Tangent:
    return f.combined((None, t[0]), (None, {i: -a for i, a in t[1].items()}))


_SCALAR: Mapping[str, Callable[[_Forward, list[Traced], list[Tangent], Traced, Any], Tangent]] = {
    "add": lambda f, v, t, value, data: f.combined((None, t[0]), (None, t[1])),
    "sub": _difference,
    "neg": lambda f, v, t, value, data: {i: -a for i, a in t[0].items()},
    "mul": _product,
    "div": _div,
    "ipow": _ipow,
    "power": _power,
    "sqrt": _sqrt,
    "abs": _abs,
    "sign": _sign,
    "call": _call,
}

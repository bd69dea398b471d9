"""The seven kinds of claim.  A claim is data: engines, mutants, LaTeX and figures are derived from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.errors import InputError

#: A length, to compare the coordinates of a state with.
LENGTH_SYMBOL = sp.Symbol("length", positive=True)


@dataclass(frozen=True)
class Claim:
    """What all seven kinds share: a name and a way to rewrite every formula inside."""

    kind: ClassVar[str] = "Claim"
    #: fields that help an engine and are no part of what is claimed
    unsaid: ClassVar[tuple[str, ...]] = ()

    def map(self, change: Callable[[Any], Any]) -> Self:
        """The claim with ``change`` applied to each of its formulas."""
        return replace(self, **{f.name: _apply(getattr(self, f.name), change) for f in fields(self)})

    def formulas(self) -> list[sp.Basic]:
        """Every formula of the claim, in order."""
        found: list[sp.Basic] = []

        def collect(e: Any) -> Any:
            found.append(e)
            return e

        self.map(collect)
        return found

    def compared(self) -> list[tuple[sp.Expr, sp.Expr]]:
        """Pairs of formulas that the claim compares: they must have the same dimension."""
        return []

    def text(self) -> str:
        """The claim in plain text."""
        raise InputError(f"{self.kind} has no text")

    def latex(self) -> str:
        """The claim in LaTeX."""
        raise InputError(f"{self.kind} has no LaTeX")


def _apply(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, sp.Basic):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_apply(v, change) for v in value)
    if isinstance(value, Stability):
        return Stability(_apply(value.at, change), value.direction)
    if isinstance(value, Mapping):
        return {k: _apply(v, change) for k, v in value.items()}
    return value


def _latex(e: Any) -> str:
    return str(sp.latex(e))


def _whenever(given: tuple[Relation, ...]) -> str:
    return f"  whenever {', '.join(map(str, given))}" if given else ""


def _whenever_latex(given: tuple[Relation, ...]) -> str:
    return f"\\quad\\text{{whenever }} {', '.join(map(_latex, given))}" if given else ""


@dataclass(frozen=True)
class Identity(Claim):
    """``lhs`` = ``rhs`` for every admissible state and parameter; ``given`` as for an Inequality."""

    lhs: sp.Expr
    rhs: sp.Expr
    given: tuple[Relation, ...] = ()
    kind: ClassVar[str] = "Identity"

    def compared(self) -> list[tuple[sp.Expr, sp.Expr]]:
        return [(self.lhs, self.rhs), *((g.lhs, g.rhs) for g in self.given)]

    def text(self) -> str:
        return f"{self.lhs} = {self.rhs}{_whenever(self.given)}"

    def latex(self) -> str:
        return f"{_latex(self.lhs)} = {_latex(self.rhs)}{_whenever_latex(self.given)}"


@dataclass(frozen=True)
class Inequality(Claim):
    """``lhs`` ≤ ``rhs`` (< if ``strict``) for every admissible state and parameter.

    ``given`` restricts the states: relations that hold before the claim says anything.
    """

    lhs: sp.Expr
    rhs: sp.Expr
    strict: bool = False
    given: tuple[Relation, ...] = ()
    kind: ClassVar[str] = "Inequality"

    def compared(self) -> list[tuple[sp.Expr, sp.Expr]]:
        return [(self.lhs, self.rhs), *((g.lhs, g.rhs) for g in self.given)]

    def text(self) -> str:
        return f"{self.lhs} {'<' if self.strict else '<='} {self.rhs}{_whenever(self.given)}"

    def latex(self) -> str:
        sign = "<" if self.strict else "\\le"
        return f"{_latex(self.lhs)} {sign} {_latex(self.rhs)}{_whenever_latex(self.given)}"


@dataclass(frozen=True)
class Envelope(Claim):
    """``observable`` at step t stays at or below ``bound`` along every admissible trajectory.

    ``bound`` may use t and the start ``w_start``.  With ``accumulate`` the observable of one step (it may use
    ``w_next``) is summed over all steps before t.
    """

    observable: sp.Expr
    bound: sp.Expr
    accumulate: bool = False
    kind: ClassVar[str] = "Envelope"

    def compared(self) -> list[tuple[sp.Expr, sp.Expr]]:
        return [(self.observable, self.bound)]

    def text(self) -> str:
        left = f"sum over steps of {self.observable}" if self.accumulate else f"{self.observable} at step t"
        return f"{left} <= {self.bound}"

    def latex(self) -> str:
        left = _latex(self.observable)
        left = f"\\sum_t {left}" if self.accumulate else f"{left}\\big|_t"
        return f"{left} \\le {_latex(self.bound)}"


@dataclass(frozen=True)
class Stability:
    """Linear stability of the fixed point ``at``: the modulus of its multiplier below 1.

    ``direction`` picks the eigenvector e_i whose multiplier counts (a manifold of minima has multiplier 1
    along itself); None means all.
    """

    at: tuple[sp.Expr, ...]
    direction: int | None = None


@dataclass(frozen=True)
class Threshold(Claim):
    """``behaviour`` holds where ``quantity`` < ``critical``, fails where it is >, and is neutral at equality."""

    behaviour: Stability
    quantity: sp.Expr
    critical: sp.Expr
    kind: ClassVar[str] = "Threshold"

    def compared(self) -> list[tuple[sp.Expr, sp.Expr]]:
        return [(self.quantity, self.critical)]

    def text(self) -> str:
        at = ", ".join(map(str, self.behaviour.at))
        return f"({at}) is linearly stable iff {self.quantity} < {self.critical}"

    def latex(self) -> str:
        at = ", ".join(map(_latex, self.behaviour.at))
        return f"({at})\\text{{ is linearly stable}} \\iff {_latex(self.quantity)} < {_latex(self.critical)}"


@dataclass(frozen=True)
class Cycle(Claim):
    """The ``points`` follow each other under the map; ``multipliers`` are those of the whole cycle.

    ``exists_iff``: the orbit exists under the hypotheses exactly when this relation holds.  ``stable``: all
    multipliers have modulus below 1.  ``directions`` are the eigenvectors to which the multipliers belong, rational
    and linearly independent; default: the axes in order.  A cycle whose points solve an equation without a closed
    form is stated with a symbol in its points and the equation among the hypotheses.
    """

    points: tuple[tuple[sp.Expr, ...], ...]
    multipliers: tuple[sp.Expr, ...] = ()
    exists_iff: Relation | None = None
    stable: bool | None = None
    directions: tuple[tuple[sp.Expr, ...], ...] = ()
    kind: ClassVar[str] = "Cycle"

    def __post_init__(self) -> None:
        if not self.directions:
            return
        matrix = sp.Matrix([[sp.sympify(c) for c in d] for d in self.directions])
        fits = matrix.shape == (len(self.multipliers), len(self.points[0]))
        if not fits or not all(c.is_Rational for c in matrix):
            raise InputError(
                "a Cycle needs one rational direction, of the dimension of its points, for each multiplier"
            )
        if matrix.rank() < matrix.rows:
            raise InputError("the directions of a Cycle must be linearly independent")

    def direction(self, i: int) -> tuple[sp.Expr, ...]:
        """The eigenvector of multiplier ``i``."""
        if self.directions:
            return tuple(map(sp.sympify, self.directions[i]))
        return tuple(sp.Integer(int(i == j)) for j in range(len(self.points[0])))

    def compared(self) -> list[tuple[sp.Expr, sp.Expr]]:
        w = LENGTH_SYMBOL
        pairs = [(c, w) for p in self.points for c in p] + [(m, sp.S.One) for m in self.multipliers]
        return pairs + ([(self.exists_iff.lhs, self.exists_iff.rhs)] if self.exists_iff is not None else [])

    def text(self) -> str:
        orbit = " -> ".join("(" + ", ".join(map(str, p)) + ")" for p in self.points)
        tail = f", multipliers {', '.join(map(str, self.multipliers))}" if self.multipliers else ""
        if self.directions:
            tail += " along " + ", ".join("(" + ", ".join(map(str, d)) + ")" for d in self.directions)
        exists = f", exists iff {self.exists_iff}" if self.exists_iff is not None else ""
        return f"cycle {orbit}{tail}{self._stability()}{exists}"

    def _stability(self) -> str:
        return "" if self.stable is None else ", linearly stable" if self.stable else ", linearly unstable"

    def latex(self) -> str:
        orbit = " \\to ".join("(" + ", ".join(map(_latex, p)) + ")" for p in self.points)
        tail = f",\\ \\mu = {', '.join(map(_latex, self.multipliers))}" if self.multipliers else ""
        if self.directions:
            along = ", ".join("(" + ", ".join(map(_latex, d)) + ")" for d in self.directions)
            tail += f"\\text{{ along }} {along}"
        exists = f"\\iff {_latex(self.exists_iff)}" if self.exists_iff is not None else ""
        stability = f"\\text{{{self._stability()}}}" if self.stable is not None else ""
        return f"{orbit}{tail}{stability}{exists}"


@dataclass(frozen=True)
class Limit(Claim):
    """The limit, limsup or liminf of ``observable`` compared with ``value``.

    ``variable`` is t along trajectories, or a parameter that tends to ``to``.  ``value`` may be oo.
    ``relation`` is one of ``==``, ``<=``, ``>=``.
    """

    observable: sp.Expr
    value: sp.Expr
    kind_of_limit: str = "limit"
    relation: str = "=="
    variable: sp.Symbol | None = None
    to: sp.Expr = sp.oo
    kind: ClassVar[str] = "Limit"

    def compared(self) -> list[tuple[sp.Expr, sp.Expr]]:
        return [(self.observable, self.value)]

    def __post_init__(self) -> None:
        if self.kind_of_limit not in ("limit", "limsup", "liminf") or self.relation not in ("==", "<=", ">="):
            raise InputError("a Limit is a limit, limsup or liminf, related by ==, <= or >=")

    def text(self) -> str:
        name = "t" if self.variable is None else str(self.variable)
        sign = "=" if self.relation == "==" else self.relation
        return f"{self.kind_of_limit} of {self.observable} as {name} -> {self.to} {sign} {self.value}"

    def latex(self) -> str:
        name = "t" if self.variable is None else _latex(self.variable)
        sign = {"==": "=", "<=": "\\le", ">=": "\\ge"}[self.relation]
        word = {"limit": "\\lim", "limsup": "\\limsup", "liminf": "\\liminf"}[self.kind_of_limit]
        return f"{word}_{{{name}\\to {_latex(self.to)}}} {_latex(self.observable)} {sign} {_latex(self.value)}"


@dataclass(frozen=True)
class Asymptotic(Claim):
    """``quantity`` is ``leading`` · (1 + O(small^order)) as ``small`` → 0: in the limit over t or after ⌈``at``⌉ steps.

    ``quantity`` is an observable of the trajectory (it may use ``w_start``), ``start`` the start in terms of
    ``small``.  Without ``at``, ``horizon`` is no part of the claim: the number of steps after which a simulation may
    take the limit as reached.  With ``at``, an expression such as τ/ρ², formulas may use t, the number of steps taken;
    a rule with noise is then understood in expectation over the noise of these steps.
    """

    quantity: sp.Expr
    leading: sp.Expr
    small: sp.Symbol
    order: sp.Expr
    start: tuple[sp.Expr, ...]
    horizon: sp.Expr = sp.S.Zero
    at: sp.Expr | None = None
    kind: ClassVar[str] = "Asymptotic"
    unsaid: ClassVar[tuple[str, ...]] = ("horizon",)

    @property
    def steps(self) -> sp.Expr:
        """The number of steps, before it is rounded up, after which a simulation looks at the quantity."""
        return self.horizon if self.at is None else self.at

    def compared(self) -> list[tuple[sp.Expr, sp.Expr]]:
        pairs = [(self.quantity, self.leading)]
        return pairs if self.at is None else [*pairs, (self.at, sp.S.One)]

    def _count(self) -> str:
        return str(self.at) if self.at is not None and self.at.is_Integer else f"ceil({self.at})"

    def text(self) -> str:
        remainder = f"O({self.small}^{self.order})"
        start = f"from ({', '.join(map(str, self.start))})"
        when = f"limit over t {start}" if self.at is None else f"after t = {self._count()} steps {start}"
        return f"{when}: {self.quantity} = ({self.leading}) (1 + {remainder}) as {self.small} -> 0"

    def latex(self) -> str:
        small = _latex(self.small)
        when = "t\\to\\infty"
        if self.at is not None:
            when = f"t={_latex(self.at)}" if self.at.is_Integer else f"t=\\lceil {_latex(self.at)}\\rceil"
        return (
            f"{_latex(self.quantity)}\\big|_{{{when}}} = {_latex(self.leading)}"
            f"\\,(1+O({small}^{{{_latex(self.order)}}})),\\ {small}\\to 0"
        )


EVENTS = ("zero gradient", "w = 0")


@dataclass(frozen=True)
class AlmostEvery:
    """All starts but a set of measure zero; ``except_`` lists the exceptional starts in words or as relations."""

    except_: tuple[Any, ...] = field(default=())

    def text(self) -> str:
        """The quantifier in words."""
        return "from almost every start" + (f" (except {', '.join(map(str, self.except_))})" if self.except_ else "")


@dataclass(frozen=True)
class OrbitsAvoiding:
    """Every start whose orbit never meets ``event``: ``zero gradient`` or ``w = 0``.

    The starts left out may have positive measure (a loss may send an interval of starts exactly onto its
    minimiser), which is why this is not :class:`AlmostEvery`.
    """

    event: str

    def __post_init__(self) -> None:
        if self.event not in EVENTS:
            raise InputError(f"orbits can avoid one of {', '.join(EVENTS)}, not '{self.event}'")

    def text(self) -> str:
        """The quantifier in words."""
        return f"along every orbit that never meets {self.event}"

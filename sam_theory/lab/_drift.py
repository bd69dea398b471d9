"""The slow flow along a manifold of minima: what a rule does there, as formulas of the loss."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sympy as sp

from sam_theory.dynamics import Map
from sam_theory.errors import InputError, nearest
from sam_theory.lab._formulas import above, of_angle, real_roots, root, simpler, text
from sam_theory.lab._manifold import GRID, Manifold, find_manifolds, manifold_of
from sam_theory.lab._normal_form import Law, curvature_symbols, law_of
from sam_theory.lab._save import save_json
from sam_theory.losses._concrete import exact

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sam_theory.lab._drift_compare import DriftComparison

__all__ = ["SlowFlow", "slow_flow"]


@dataclass(frozen=True)
class SlowFlow:
    r"""What a rule does along a manifold of minima, to leading order in its small length at finite step size.

    On the 2-cycle across the valley (half-amplitude :math:`\rho r`) one step moves along the minima by
    :math:`\rho^2K\nabla_\Gamma\lambda_1`, up to :math:`O(\rho^3)`, with K and r of :attr:`law`.

    Parameters
    ----------
    map : Map
    manifold : Manifold
    law : Law
        Of the rule beside any such manifold.
    direction : int
        Number of the curvature along which the cycle extends.
    values : tuple of (str, Expr)
        Exact values of parameters; the others are symbols.
    further : tuple of Manifold
        Other manifolds of minima of the loss.
    """

    map: Map
    manifold: Manifold
    law: Law
    direction: int
    values: tuple[tuple[str, sp.Expr], ...] = ()
    further: tuple[Manifold, ...] = ()

    @property
    def coordinates(self) -> tuple[sp.Symbol, ...]:
        """θ."""
        return self.manifold.coordinates

    @cached_property
    def curvatures(self) -> tuple[sp.Expr, ...]:
        """λ₁(θ) of the direction that oscillates, then the other curvatures."""
        every = list(self.manifold.curvatures)
        every.insert(0, every.pop(self.direction))
        return tuple(self._valued(e) for e in every)

    @property
    def curvature(self) -> sp.Expr:
        """λ₁(θ)."""
        return self.curvatures[0]

    def _valued(self, e: sp.Expr) -> sp.Expr:
        rule = {n: sp.Symbol(n, positive=True) for n in self.map.rule.parameters}
        e = e.xreplace({s: rule[s.name] for s in e.free_symbols if s.name in rule})
        given = dict(self.values)
        return e.subs({s: given[s.name] for s in e.free_symbols if s.name in given})

    def on_manifold(self, e: sp.Expr) -> sp.Expr:
        """A formula of the law with the curvatures of this manifold."""
        names = curvature_symbols(self.manifold.codimension)
        return self._valued(e).subs(dict(zip(names, self.curvatures, strict=True)), simultaneous=True)

    @cached_property
    def amplitude(self) -> sp.Expr:
        """Half the width of the 2-cycle; 0 where the minima attract."""
        return self.law.small * self.on_manifold(self.law.radius)

    @cached_property
    def _gradient(self) -> sp.Matrix:
        """∇_Γ λ₁ in the coordinates θ: the inverse metric times the partial derivatives."""
        slopes = sp.Matrix([sp.diff(self.curvature, c) for c in self.coordinates])
        return self.manifold.metric.applyfunc(self._valued).inv() * slopes

    @cached_property
    def velocity(self) -> tuple[sp.Expr, ...]:
        """dθ/dt over small², one step being the unit of t; zeros where there is no drift."""
        factor = self.on_manifold(self.law.factor)
        return tuple(simpler(factor * g) for g in self._gradient)

    @cached_property
    def transient(self) -> tuple[sp.Expr, ...]:
        """Where the minima attract: displacement along them over ε² of an orbit that starts at distance ε."""
        factor = self.on_manifold(self.law.transient)
        return tuple(simpler(factor * g) for g in self._gradient)

    @cached_property
    def conditions(self) -> tuple[sp.Expr, ...]:
        """What has to be positive for the law to hold at θ; the curvatures come first."""
        found = [*self.curvatures, *(self.on_manifold(c) for c in self.law.positive)]
        return tuple(c for c in found if simpler(c).is_positive is not True)

    def conditions_text(self) -> str:
        """The conditions in a line."""
        return ", ".join(map(above, self.conditions)) or "everywhere"

    def law_text(self) -> str:
        """The law of the rule beside any valley, in a line."""
        if not self.law.drifts:
            return "none at any order: every minimum is a fixed point of the map"
        amplified = root(-2 * self.law.factor / sp.Symbol("eta", positive=True))
        factor = text(self.law.factor) if amplified is None else f"-eta/2*({text(amplified)})**2"
        return f"dm/dt = {self.law.small}**2*({factor})*grad lam"

    # -- the flow ----------------------------------------------------------------------------------------
    @cached_property
    def fixed_points(self) -> tuple[tuple[tuple[sp.Expr, ...], str], ...] | None:
        """Where λ₁ is stationary, with ``flattest`` (it attracts), ``sharpest`` (it repels), ``saddle`` or ``unknown``.

        Those that SymPy finds, modulo 2π where λ₁ is a function of an angle; None where it finds no complete list.
        """
        if not self.law.drifts:
            return ()
        slopes = [sp.numer(sp.together(simpler(sp.diff(self.curvature, c)))) for c in self.coordinates]
        if len(slopes) == 1:
            found = real_roots(slopes[0], self.coordinates[0])
            if found is None:
                return None
            points = [(r,) for r in found]
        else:
            if not all(e.is_polynomial(*self.coordinates) for e in slopes):
                return None
            try:
                solutions = sp.solve(slopes, list(self.coordinates), dict=True)
            except NotImplementedError:  # what SymPy raises where it has no method
                return None
            if any(c not in solution for solution in solutions for c in self.coordinates):
                return None  # a continuum of fixed points is no list
            points = [tuple(solution[c] for c in self.coordinates) for solution in solutions]
        real = [p for p in points if all(e.is_real is not False for e in p)]
        hessian = sp.hessian(self.curvature, self.coordinates)
        return tuple((p, self._kind(hessian, p)) for p in sorted(real, key=str))

    def _kind(self, hessian: sp.Matrix, point: tuple[sp.Expr, ...]) -> str:
        at = dict(zip(self.coordinates, point, strict=True))
        values = [sp.simplify(e) for e in hessian.subs(at).eigenvals(multiple=True)]
        if self.curvature.subs(at) == 0:
            return "end of the valley: the curvature vanishes"
        if all(v.is_positive for v in values):
            return "flattest"
        if all(v.is_negative for v in values):
            return "sharpest"
        return "saddle" if any(v.is_positive for v in values) and any(v.is_negative for v in values) else "unknown"

    @cached_property
    def clock(self) -> sp.Expr | None:
        """A function Q(θ) that grows by ρ² in each step, where one coordinate has an elementary one; else None."""
        if len(self.coordinates) != 1 or not self.law.drifts or self.velocity[0] == 0:
            return None
        (theta,) = self.coordinates
        integrand = sp.together(1 / self.velocity[0])
        u = sp.Symbol("u", positive=True)
        # Nothing but rational functions, of θ or of exp(θ): there the integral is found soon or not at all.
        if integrand.is_rational_function(theta):
            found = sp.integrate(sp.apart(integrand, theta), theta)
        elif (of_exp := sp.together(integrand.subs(theta, sp.log(u)))).is_rational_function(u):
            found = sp.integrate(sp.apart(sp.cancel(of_exp / u), u), u).subs(u, sp.exp(theta))
        else:
            return None
        if found.has(sp.Integral, sp.RootSum) or sp.simplify(sp.diff(found, theta) - integrand) != 0:
            return None
        return sp.expand(found)

    # -- comparison --------------------------------------------------------------------------------------
    def compare(
        self,
        start: Mapping[str, Any],
        sizes: Sequence[Any],
        *,
        time: float | None = None,
        steps: int = 1_000_000,
        progress: Callable[[str], None] | None = None,
    ) -> DriftComparison:
        """Simulate from the cycle (or from a distance) beside the point ``start`` and set prediction against it.

        Parameters
        ----------
        start : mapping
            A number for each coordinate along the manifold.
        sizes : sequence of numbers
            Values of ρ; for a rule without drift distances of the start from the minima.
        time : float, optional
            ρ² times the number of steps; default: until nine tenths of the way to the flattest point are covered.
        steps : int
            Steps of the longest simulation, at most.
        progress : callable, optional
            Told of each simulation.

        Raises
        ------
        InputError
            For an open parameter, or a start where the law does not hold.
        """
        from sam_theory.lab._drift_compare import compare

        return compare(self, start, sizes, time, steps, progress)

    # -- results -----------------------------------------------------------------------------------------
    def to_table(self) -> list[dict[str, str]]:
        """Two columns: what, and its formula."""
        small = self.law.small
        rows = [
            ("rule", self.map.rule.name),
            ("loss", self.map.loss.name),
            ("manifold", self.manifold.text()),
            *((f"curvature lam{i if i > 1 else ''}", text(c)) for i, c in enumerate(self.curvatures, 1)),
            ("holds where", self.conditions_text()),
            ("drift", self.law_text()),
        ]
        pairs = list(zip(self.coordinates, self.velocity, self.transient, strict=True))
        if self.law.drifts:
            rows += [
                ("2-cycle across", f"half-amplitude {text(self.amplitude)}"),
                *((f"d{c}/dt", f"{small}**2*({text(v)})") for c, v, _ in pairs),
                ("relative error", f"O({small}^{self.law.order}) over T/{small}^2 steps"),
                ("fixed points", self._points_text()),
            ]
            if self.clock is not None:
                rows.append((f"clock, +{small}**2 a step", text(self.clock)))
        elif self.law.transient != 0:
            rows += [(f"way in, shift of {c}", f"epsilon**2*({text(v)}) from distance epsilon") for c, _, v in pairs]
        rows += [("also minima", m.text()) for m in self.further]
        return [{"what": a, "formula": b} for a, b in rows]

    def _points_text(self) -> str:
        if self.fixed_points is None:
            return "not found in closed form"
        if not self.fixed_points:
            return "none"
        shown = []
        for point, kind in self.fixed_points:
            at = ", ".join(f"{c} = {text(e)}" for c, e in zip(self.coordinates, point, strict=True))
            shown.append(f"{at} ({kind})")
        angle = len(self.coordinates) == 1 and of_angle(self.curvature, self.coordinates[0])
        return "; ".join(shown) + (", modulo 2*pi" if angle else "")

    def to_json(self) -> dict[str, Any]:
        """Plain data; formulas as texts."""
        points = self.fixed_points
        return {
            "kind": "slow flow",
            "map": {"rule": self.map.rule.name, "loss": self.map.loss.name},
            "parameters": {n: str(v) for n, v in self.values},
            "manifold": {n: str(e) for n, e in self.manifold.given},
            "coordinates": [str(c) for c in self.coordinates],
            "curvatures": [str(c) for c in self.curvatures],
            "conditions": [above(c) for c in self.conditions],
            "small": str(self.law.small),
            "amplitude": str(self.amplitude),
            "law": self.law_text(),
            "velocity_over_small_squared": [str(v) for v in self.velocity],
            "transient": [str(v) for v in self.transient],
            "order": self.law.order,
            "clock": None if self.clock is None else str(self.clock),
            "fixed_points": None if points is None else [{"at": [str(e) for e in p], "kind": k} for p, k in points],
            "further_manifolds": [m.text() for m in self.further],
        }

    def plot(self, axes: Axes | None = None, span: tuple[float, float] = (-2.0, 2.0)) -> Axes:
        """λ₁(θ) and dθ/dt over ρ² along the manifold where the law holds, for one coordinate.  Returns the axes.

        Raises InputError for an open parameter or several coordinates.
        """
        import matplotlib.pyplot as plt
        import numpy as np

        from sam_theory.lab._drift_numbers import FlowNumbers

        missing = [n for n in self.map.parameters if n != self.law.small.name and n not in dict(self.values)]
        if missing or len(self.coordinates) > 1:
            reason = f"a number for {missing[0]}" if missing else "a manifold with one coordinate"
            raise InputError(f"the picture needs {reason}")
        if axes is None:
            _, axes = plt.subplots(layout="constrained")
        numbers, theta = FlowNumbers(self), np.linspace(*span, 801)
        holds = np.array([numbers.slack(np.array([t])) > 0 for t in theta])
        curvature, speed = numbers.run([self.curvature, self.velocity[0]], theta[None, :])
        (name,) = self.coordinates
        axes.plot(theta, np.where(holds, curvature, np.nan), "k-", label="curvature $\\lambda$")
        axes.plot(theta, np.where(holds, speed, np.nan), "C1-", label=f"d{name}/dt over {self.law.small}$^2$")
        axes.axhline(0.0, color="k", linewidth=0.5)
        axes.set_xlabel(str(name))
        axes.set_ylabel("curvature, speed")
        axes.legend(frameon=False, fontsize="small")
        return axes

    def save(self, path: str | Path) -> None:
        """Write the result as JSON; the file appears whole or not at all.

        Raises InputError if it cannot be written.
        """
        save_json(path, self.to_json())


def slow_flow(
    map: Map,
    params: Mapping[str, Any] | None = None,
    manifold: Mapping[str, Any] | None = None,
    direction: int | None = None,
    along: Collection[str] = (),
) -> SlowFlow:
    """Derive the slow flow of a map along a manifold of minima of its loss.

    Parameters
    ----------
    map : Map
        A deterministic rule that knows lengths and inner products only, on a loss of fixed dimension.
    params : mapping, optional
        Exact values of parameters; those that are not given stay symbols, those of the rule positive ones.
    manifold : mapping, optional
        Coordinates as formulas of the others, such as ``{"y": 0}``; default: the largest and simplest that is found.
    direction : int, optional
        With several curvatures: the number of the one along which the cycle extends; default: the largest.
    along : collection of str, optional
        Names of the coordinates along the manifold, to choose among those that are found.

    Raises
    ------
    InputError
        For a rule or a valley that is not covered, or where no manifold is found.

    Examples
    --------
    >>> from sam_theory.dynamics import Map
    >>> from sam_theory.losses import Expression
    >>> from sam_theory.rules import sam
    >>> slow_flow(Map(sam, Expression("(1 + x**2)*y**2/2"))).curvature
    x**2 + 1
    """
    loss = map.loss
    if loss.dimension is None:
        raise InputError(f"{loss.name} has no fixed dimension; choose one")
    values = {n: exact(v, n) for n, v in (params or {}).items()}
    for n, v in values.items():
        if n not in map.parameters:
            raise InputError(f"'{n}' is no parameter of this map; {nearest(n, map.parameters)}")
        if n in map.rule.parameters and not v.is_positive:
            raise InputError(f"{n} = {v}: the drift is derived for positive parameters of the rule")
    further: tuple[Manifold, ...] = ()
    if manifold is not None:
        chosen = manifold_of(loss, manifold, values)
    else:
        found = find_manifolds(loss, values)
        if not found:
            raise InputError(f"no manifold of minima of {loss.name} is found; give one, such as manifold y=0")
        chosen = next((m for m in found if {str(c) for c in m.coordinates} == set(along)), found[0])
        further = tuple(m for m in found if m is not chosen)
    clash = [str(c) for c in (*chosen.coordinates, *loss.variables) if str(c) in map.rule.parameters]
    if clash:
        raise InputError(f"'{clash[0]}' is a coordinate and a parameter of {map.rule.name}; rename the coordinate")
    law = law_of(map.rule, chosen.codimension, chosen.dimension)
    if law.small.name in values:
        raise InputError(f"{law.small} tends to 0 in the drift: it stays a symbol")
    if chosen.hessian.has(sp.sign, sp.Heaviside, sp.Piecewise, sp.Max, sp.Min):
        raise InputError(f"{loss.name} is not smooth across {chosen.text()}: no drift is derived")
    count = len(chosen.curvatures)
    if direction is not None and not 0 <= direction < count:
        raise InputError(f"there are {count} curvatures, numbered from 0; {direction} is none")
    number = _largest(chosen) if direction is None else direction
    return SlowFlow(map, chosen, law, number, tuple(values.items()), further)


def _largest(manifold: Manifold) -> int:
    """The curvature that is largest at all points of a grid.  Raises InputError where none is."""
    curvatures = manifold.curvatures
    if len(curvatures) == 1:
        return 0
    best = set()
    for i, number in enumerate(GRID):
        at = {s: GRID[(i + j) % len(GRID)] for j, s in enumerate(manifold.coordinates)}
        values = [sp.N(c.subs(at)) for c in curvatures]
        free = {s for v in values for s in v.free_symbols}
        values = [sp.N(v.subs(dict.fromkeys(free, number**2))) for v in values]
        if all(v.is_real for v in values):
            best.add(max(range(len(values)), key=lambda k: values[k]))
    if len(best) != 1:
        shown = ", ".join(f"{i}: {c}" for i, c in enumerate(curvatures))
        raise InputError(f"which curvature is largest changes along {manifold.text()}; choose a direction ({shown})")
    return best.pop()

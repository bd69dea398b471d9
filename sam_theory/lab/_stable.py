"""Stability as an object: directions with their multipliers, critical values, a table and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Float64, lower
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.lab._at import FloatArray
from sam_theory.lab._critical import Critical
from sam_theory.lab._formulas import above, text
from sam_theory.lab._manifold import Manifold
from sam_theory.lab._save import save_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Direction", "Stability", "StableOrbit"]

_POINTS = 600
#: Moduli above this are not of interest in a picture.
_TOP = 3.0


@dataclass(frozen=True)
class Direction:
    """An eigendirection of the Hessian and how the rule acts on it.

    Parameters
    ----------
    name : str
        ``tangent`` or ``normal 1``, ``normal 2``, ….
    multiplicity : int
        Number of directions of this kind.
    block : Matrix, shape (vectors, vectors)
        The derivative of one step in this direction, a row for each state vector, in ``lam``, ``lam_j`` and the
        parameters.
    own, other : Expr, Expr or None
        What ``lam`` and ``lam_j`` are at the place; at a fixed point ``lam`` is the curvature of this direction, at a
        2-cycle that of the direction along which the cycle lies, and ``lam_j`` that of this direction.
    multipliers, here : tuple of Expr
        Eigenvalues over a period: in ``lam``, ``lam_j``; at the place with the given numbers.
    period : int
        1, or 2 for a cycle.
    """

    name: str
    multiplicity: int
    block: sp.Matrix
    own: sp.Expr
    other: sp.Expr | None
    multipliers: tuple[sp.Expr, ...]
    here: tuple[sp.Expr, ...]
    period: int

    @property
    def curvature(self) -> sp.Expr:
        """The eigenvalue of the Hessian of this direction."""
        return self.own if self.other is None else self.other

    def moduli(self, env: Mapping[str, Any]) -> FloatArray:
        """Moduli over a period at numbers or arrays of shape (n,); shape (n, vectors)."""
        arithmetic = Float64()
        names = {"lam": self.own, "lam_j": self.other if self.other is not None else sp.S.Zero}
        with np.errstate(all="ignore"):
            lams = {n: arithmetic.run(lower(e), env)["result"] for n, e in names.items()}
            rows = [[arithmetic.run(lower(e), {**env, **lams})["result"] for e in row] for row in self.block.tolist()]
        entries = np.array(np.broadcast_arrays(*(np.atleast_1d(e) for row in rows for e in row)), dtype=float)
        matrices = entries.T.reshape(-1, len(rows), len(rows))
        found = np.full(matrices.shape[:2], np.nan)
        finite = np.isfinite(matrices).all(axis=(1, 2))
        found[finite] = np.abs(np.linalg.eigvals(matrices[finite])) ** self.period
        return np.sort(found, axis=1)[:, ::-1]


@dataclass(frozen=True)
class StableOrbit:
    """A fixed point, or a symmetric 2-cycle across a minimum, with its directions.

    ``radius`` is the distance of the points of a cycle from the minimum, as a law and ``here``; ``positive`` is what
    must be positive for it to exist, in ``lam``, whose value at the place is ``own``, of the given ``sign``.
    """

    kind: str
    name: str
    radius: sp.Expr
    here: sp.Expr
    positive: tuple[sp.Expr, ...]
    directions: tuple[Direction, ...]
    own: sp.Expr = sp.S.Zero
    sign: int = 0

    @property
    def exists(self) -> tuple[str, ...]:
        """What must hold for it to exist."""
        sign = {1: ("lam > 0",), -1: ("lam < 0",), 0: ()}[self.sign]
        return (*sign, *map(above, self.positive))


@dataclass(frozen=True)
class Stability:
    """Multipliers at a stationary point or along a manifold of minima.

    Parameters
    ----------
    map : Map
    manifold : Manifold
        Of dimension 0 for a point.
    curvatures : tuple of Expr
        Of the normal directions 1, 2, ….
    values : mapping of str to Rational
        The numbers that were given.
    search : mapping of str to (Fraction, Fraction)
        The intervals in which critical values were enclosed.
    orbits : tuple of StableOrbit
        The fixed point itself, or a 2-cycle for each normal direction where the map jumps.
    exact : bool
        Whether what is said of 2-cycles is exact (the loss is quadratic) or of leading order in the rule's lengths.
    critical : tuple of Critical
    unresolved : tuple of (str, (Fraction, Fraction))
        Small cells of the intervals in which more critical values may lie.
    interrupted : bool
    """

    map: Map
    manifold: Manifold
    curvatures: tuple[sp.Expr, ...]
    values: Mapping[str, sp.Rational]
    search: Mapping[str, tuple[Fraction, Fraction]]
    orbits: tuple[StableOrbit, ...]
    exact: bool
    critical: tuple[Critical, ...] = ()
    unresolved: tuple[tuple[str, tuple[Fraction, Fraction]], ...] = ()
    interrupted: bool = False

    def scope(self) -> str:
        """What the multipliers are those of, and how exactly, in one sentence."""
        if all(o.kind == "fixed point" for o in self.orbits):
            return "multipliers of the fixed points themselves; exact"
        what = "the map jumps at these points: multipliers of two steps on the 2-cycle across them"
        return f"{what}; " + ("exact, the loss is quadratic" if self.exact else f"leading order in {self._lengths()}")

    def _lengths(self) -> str:
        return ", ".join(n for n in self.map.rule.parameters if n in ("rho", "clip")) or "the rule's lengths"

    def certainty(self) -> str:
        """How complete the list of critical values is in the searched intervals, in one sentence."""
        if not self.search:
            return "critical values in closed form, where SymPy has one"
        where = ", ".join(f"{low} <= {n} <= {high}" for n, (low, high) in self.search.items())
        if self.interrupted:
            return f"interrupted: critical values in {where} may lack"
        if not self.unresolved:
            return f"proved: no further critical values in {where}"
        cells = ", ".join(f"{n} near {float(a + b) / 2:.9g}" for n, (a, b) in self.unresolved[:5])
        return f"proved: no further critical values in {where}, except perhaps {cells}"

    def to_table(self) -> list[dict[str, str]]:
        """One row for each direction of each orbit, every cell a text."""
        return [
            {
                "orbit": o.name,
                "radius": "-" if o.kind == "fixed point" else text(o.here),
                "direction": d.name + (f" (x{d.multiplicity})" if d.multiplicity > 1 else ""),
                "curvature": text(sp.S.Zero if d.name == "tangent" else d.curvature),
                "multipliers": ", ".join(map(text, d.multipliers)),
                "here": ", ".join(map(_short, d.here)),
            }
            for o in self.orbits
            for d in o.directions
        ]

    def critical_table(self) -> list[dict[str, str]]:
        """One row for each critical value, every cell a text."""
        return [
            {
                "critical": c.parameter,
                "kind": c.kind,
                "orbit": c.orbit,
                "direction": c.direction,
                "closed form": "-" if c.law is None else text(c.law),
                "where": "-" if c.law is None else self._where(c),
                "here": "-" if c.formula is None else text(c.formula),
                "value": "-" if c.value is None else f"{c.value:.12g}" + (" (certified)" if c.enclosure else ""),
            }
            for c in self.critical
        ]

    def _where(self, c: Critical) -> str:
        assert c.law is not None
        used = {s for e in (c.law, *c.positive) for s in e.free_symbols if s.name in ("lam", "lam_j")}
        known = [s for s in sorted(used, key=str) if s.is_positive or s.is_negative]
        signs = [f"{s} > 0" if s.is_positive else f"{s} < 0" for s in known]
        return ", ".join((*signs, *map(above, c.positive))) or "always"

    def to_json(self) -> dict[str, Any]:
        """Plain data, formulas as texts, ends of enclosures as fractions."""
        return {
            "kind": "stability",
            "map": {"rule": self.map.rule.name, "loss": self.map.loss.name},
            "place": self.manifold.text(),
            "coordinates": [c.name for c in self.manifold.coordinates],
            "curvatures": [text(c) for c in self.curvatures],
            "parameters": {n: str(v) for n, v in self.values.items()},
            "search": {n: [str(low), str(high)] for n, (low, high) in self.search.items()},
            "scope": self.scope(),
            "certainty": self.certainty(),
            "interrupted": self.interrupted,
            "orbits": [
                {
                    "kind": o.kind,
                    "name": o.name,
                    "radius": text(o.radius),
                    "radius here": text(o.here),
                    "exists where": list(o.exists),
                    "directions": [
                        {
                            "name": d.name,
                            "multiplicity": d.multiplicity,
                            "curvature": text(sp.S.Zero if d.name == "tangent" else d.curvature),
                            "multipliers": [text(m) for m in d.multipliers],
                            "here": [text(m) for m in d.here],
                        }
                        for d in o.directions
                    ],
                }
                for o in self.orbits
            ],
            "critical": [
                {
                    "parameter": c.parameter,
                    "kind": c.kind,
                    "orbit": c.orbit,
                    "direction": c.direction,
                    "closed form": None if c.law is None else text(c.law),
                    "where": None if c.law is None else self._where(c),
                    "here": None if c.formula is None else text(c.formula),
                    "value": c.value,
                    "enclosure": None if c.enclosure is None else [str(e) for e in c.enclosure],
                }
                for c in self.critical
            ],
            "unresolved": [[n, str(a), str(b)] for n, (a, b) in self.unresolved],
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON; the file appears whole or not at all.

        Raises InputError if it cannot be written.
        """
        save_json(path, self.to_json())

    def plot(self, axes: Axes | None = None, along: str | None = None, between: tuple[Any, Any] | None = None) -> Axes:
        """Moduli of the multipliers along a parameter or a coordinate of the manifold, critical values marked.

        By default along the first searched interval.  Returns the axes.

        Raises InputError without an interval, or where another parameter or coordinate has no number.
        """
        import matplotlib.pyplot as plt

        if along is None:
            along = next(iter(self.search), None)
        if along is None or (between is None and along not in self.search):
            raise InputError(
                "a picture needs a parameter or a coordinate and an interval of it; give along and between"
            )
        low, high = map(float, between or self.search[along])
        names = (*self.map.parameters, *(c.name for c in self.manifold.coordinates))
        missing = [n for n in names if n not in self.values and n != along]
        if along not in names or missing:
            what = f"a number for {missing[0]}" if along in names else f"one of {', '.join(names)}, not {along}"
            raise InputError(f"a picture of the multipliers needs {what}")
        if axes is None:
            _, axes = plt.subplots(layout="constrained")
        x = np.linspace(low, high, _POINTS + 2)[1:-1]
        env = {**{n: float(v) for n, v in self.values.items()}, along: x}
        count = 0
        for o in self.orbits:
            exists = self._exists(o, env)
            for d in o.directions:
                moduli = np.broadcast_to(d.moduli(env), (len(x), d.block.rows))
                for i in range(d.block.rows):
                    label = d.name if len(self.orbits) == 1 else f"{o.name}: {d.name}"
                    line = "--" if d.name == "tangent" else "-"
                    shown = np.where(exists, moduli[:, i], np.nan)
                    axes.plot(x, shown, line, color=f"C{count % 10}", label=label if i == 0 else None)
                count += 1
        axes.axhline(1.0, color="black", linewidth=0.8, zorder=0)
        marked: set[str] = set()
        for c in self.critical:
            if c.parameter == along and c.value is not None and low <= c.value <= high:
                label = c.kind + (" (certified)" if c.enclosure else "")
                axes.axvline(c.value, color="grey", linestyle=":", label=None if label in marked else label)
                axes.plot([c.value], [1.0], "o", color="black", markersize=5)
                marked.add(label)
        axes.set_xlabel(_SYMBOLS.get(along, along))
        axes.set_ylabel("modulus of the multiplier" + (" of two steps" if self.orbits[0].kind == "2-cycle" else ""))
        axes.set_ylim(0, min(_TOP, axes.get_ylim()[1]))
        axes.legend(frameon=False, fontsize="small")
        return axes

    def _exists(self, o: StableOrbit, env: Mapping[str, Any]) -> Any:
        arithmetic = Float64()
        lam = arithmetic.run(lower(o.own), env)["result"]
        with np.errstate(all="ignore"):
            found = [arithmetic.run(lower(e), {**env, "lam": lam})["result"] > 0 for e in o.positive]
            found += [o.sign * lam > 0] if o.sign else []
        return np.logical_and.reduce(np.broadcast_arrays(*found)) if found else True


_SYMBOLS = {"eta": "η", "rho": "ρ", "momentum": "μ"}


def _short(e: sp.Expr) -> str:
    """A formula; a number that is not short as a decimal."""
    if not e.free_symbols and not e.is_Rational:
        number = complex(sp.N(e, 15))
        return f"{number.real:.12g}" if not number.imag else f"{number.real:.8g}{number.imag:+.8g}i"
    return text(e)

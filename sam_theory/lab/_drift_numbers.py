"""A slow flow in floats: its vector field, its orbits, and the nearest point of the minima."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from sam_theory.lab._at import FloatArray
from sam_theory.lab._drift import SlowFlow

__all__ = ["FlowNumbers"]


class FlowNumbers:
    """The formulas of a flow as functions of floats."""

    def __init__(self, flow: SlowFlow) -> None:
        self.flow = flow
        self.values = {n: float(v) for n, v in flow.values}
        self.width = len(flow.coordinates)

    def run(self, formulas: Sequence[Any], theta: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            found = self.flow.manifold.evaluate(list(formulas), theta, self.values)
        return np.stack([np.asarray(f, dtype=float) for f in found])

    def point(self, theta: FloatArray) -> FloatArray:
        """m(θ) for θ of shape (k, n), shape (d, n)."""
        return self.run(self.flow.manifold.point, theta)

    def velocity(self, theta: FloatArray) -> FloatArray:
        """dθ/dt over small² at one θ, shape (k,)."""
        return self.run(self.flow.velocity, theta[:, None])[:, 0]

    def transient(self, theta: FloatArray) -> FloatArray:
        """Displacement over ε² on the way in, shape (k,)."""
        return self.run(self.flow.transient, theta[:, None])[:, 0]

    def slack(self, theta: FloatArray) -> float:
        """The least of the quantities that have to be positive."""
        conditions = self.flow.conditions
        found = self.run(conditions, theta[:, None]) if conditions else np.ones((1, 1))
        return float(found.min()) if np.isfinite(found).all() else float("nan")

    def radius(self, theta: FloatArray) -> float:
        """Half-amplitude of the cycle over the small length."""
        return float(self.run([self.flow.amplitude / self.flow.law.small], theta[:, None])[0, 0])

    def memory(self, theta: FloatArray) -> float:
        """The further state vector on the cycle over the small length, along the normal."""
        return float(self.run([self.flow.on_manifold(self.flow.law.memory)], theta[:, None])[0, 0])

    def normal(self, theta: FloatArray) -> FloatArray:
        """The unit normal along which the cycle extends, its largest entry positive."""
        manifold = self.flow.manifold
        d = len(manifold.loss.variables)
        hessian = self.run(list(manifold.hessian), theta[:, None])[:, 0].reshape(d, d)
        values, vectors = np.linalg.eigh(hessian)
        curvature = float(self.run([self.flow.curvature], theta[:, None])[0, 0])
        n = vectors[:, int(np.abs(values - curvature).argmin())]
        return n * np.sign(n[int(np.abs(n).argmax())])

    def cycle(self, theta: FloatArray, size: float) -> FloatArray:
        """The points of the cycle on the side of the sign of ``size``, θ of shape (n,), shape (d, n)."""
        points: list[FloatArray] = []
        before = self.normal(theta[:1])
        for t in theta:
            here = np.array([t])
            normal = self.normal(here)
            before = normal = normal if float(normal @ before) >= 0 else -normal
            held = self.slack(here) > 0
            points.append(self.point(here[:, None])[:, 0] + size * (self.radius(here) if held else np.nan) * normal)
        return np.stack(points).T

    def project(self, states: FloatArray, guess: FloatArray) -> FloatArray:
        """The θ of the nearest point of the manifold, by Gauss and Newton; shapes (n, d), (n, k) -> (n, k)."""
        manifold, theta = self.flow.manifold, guess.T.copy()
        d, k = manifold.tangent.shape
        for _ in range(60):
            away = states.T - self.point(theta)
            tangent = self.run(list(manifold.tangent), theta).reshape(d, k, -1)
            metric = np.einsum("ian,ibn->nab", tangent, tangent)
            slope = np.einsum("ian,in->na", tangent, away)
            step = np.linalg.solve(metric, slope[..., None])[..., 0]
            theta = theta + step.T
            if np.abs(step).max() <= 1e-15 * (1 + np.abs(theta).max()):
                break
        return theta.T

    def solve(self, start: FloatArray, time: float) -> Any:
        """The flow on [0, time] with dense output, stopped where the law ends."""

        ends = _EndOfLaw(self)
        return solve_ivp(
            lambda _, x: self.velocity(x),
            (0.0, time),
            start,
            method="DOP853",
            rtol=1e-11,
            atol=1e-13,
            dense_output=True,
            events=ends,
        )

    def flow_at(self, start: FloatArray, times: FloatArray) -> FloatArray:
        """θ at the given times, shape (n, k)."""
        found = self.solve(start, float(times.max()) * (1 + 1e-12))
        return np.asarray(found.sol(np.minimum(times, found.t[-1]))).T

    def end(self, start: FloatArray) -> FloatArray | None:
        """Where the flow from ``start`` comes to rest in the domain of the law, if it does."""
        first = float(np.linalg.norm(self.velocity(start)))
        if first == 0.0:
            return None
        time, theta = 1.0 / first, start
        for _ in range(40):
            found = self.solve(theta, time)
            theta = found.y[:, -1]
            if found.status != 0 or not np.isfinite(theta).all() or np.abs(theta).max() > 1e6:
                return None
            if float(np.linalg.norm(self.velocity(theta))) <= 1e-12 * first:
                return theta
            time *= 1.6
        return None


class _EndOfLaw:
    """An event for the integrator: a condition of the law ceases to hold."""

    terminal = True

    def __init__(self, numbers: FlowNumbers) -> None:
        self.numbers = numbers

    def __call__(self, _: float, theta: FloatArray) -> float:
        slack = self.numbers.slack(theta)
        return slack - 1e-9 if np.isfinite(slack) else -1.0

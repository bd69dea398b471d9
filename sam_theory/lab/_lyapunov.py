"""Lyapunov spectra with their convergence, an error from batch means, and an honest word on whether they converged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtrit

from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.lab._at import FloatArray, MapAt, at
from sam_theory.lab._frames import Carrier, Event
from sam_theory.lab._save import save_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LyapunovSpectrum", "lyapunov"]

#: Batches of consecutive steps whose means give the standard error, and the confidence of the interval.
_BATCHES, _CONFIDENCE = 32, 0.95
#: Blocks between which the estimate is recorded; a multiple of the batches.
_BLOCKS = 256
#: Steps after which an interruption can lose no more.
_PORTION = 20_000
#: The share of the steps from which on the picture has to show everything.
_SHOWN = 0.02
#: Exponents known this well are those of a cycle or a linear map: rounding is all that is left.
_EXACT = 1e-10
#: Cycles that are looked for at the end of the orbit, and how well one has to close.
_LONGEST, _CLOSED = 64, 1e-10


@dataclass(frozen=True)
class LyapunovSpectrum:
    r"""Lyapunov exponents :math:`\lambda_i=\lim\frac1n\sum_t\log|R_{ii}(t)|` along an orbit, falling.

    Parameters
    ----------
    exponents : ndarray, shape (d,)
        Per step; −∞ where the derivative destroys a direction.
    half_widths : ndarray, shape (d,)
        Of the 95 % confidence intervals, from the means of 32 batches; ∞ where there is none.
    converged : tuple of bool
        Whether the interval is shorter than ``tolerance``, the batches are not correlated and the two halves agree.
    steps : ndarray of int, shape (n,)
        Numbers of steps after which the estimate was recorded.
    series : ndarray, shape (n, d)
        Running estimates.
    here : MapAt
    start, end : tuple of float
    transient : int
        Steps before the first that counts.
    tolerance : float
    event : Event or None
        What stopped the orbit before its last step.
    cycle : ndarray, shape (k, d), or None
        The cycle on which the orbit ended.
    predicted : ndarray, shape (d,), or None
        :math:`\frac1k\log|\mu_i|` with the multipliers of that cycle: the exact exponents.
    interrupted : bool
    """

    exponents: FloatArray
    half_widths: FloatArray
    converged: tuple[bool, ...]
    steps: Any
    series: FloatArray
    here: MapAt
    start: tuple[float, ...]
    end: tuple[float, ...]
    transient: int
    tolerance: float
    event: Event | None = None
    cycle: FloatArray | None = field(default=None, repr=False)
    predicted: FloatArray | None = None
    interrupted: bool = False

    @property
    def total(self) -> int:
        """Steps that count."""
        return int(self.steps[-1]) if len(self.steps) else 0

    @property
    def kaplan_yorke(self) -> float:
        """The Kaplan–Yorke dimension: j + (λ₁+…+λ_j)/|λ_{j+1}| with the last j at which the sum is ≥ 0."""
        sums = np.cumsum(self.exponents)
        j = int(np.sum(sums >= 0.0))
        if j == 0 or j == len(sums):
            return float(j)
        following = float(self.exponents[j])
        return j + (float(sums[j - 1]) / abs(following) if math.isfinite(following) else 0.0)

    def verdict(self) -> str:
        """What the numbers are worth, in one sentence."""
        stopped = ""
        if self.event is not None:
            stopped = f"the orbit met a {self.event.kind} at step {self.event.step}: "
            if self.event.kind == "diverged":
                stopped = f"the orbit diverged at step {self.event.step}: "
            elif self.event.kind == "no derivative":
                stopped = f"the step has no derivative at step {self.event.step}: "
        if self.interrupted:
            stopped += "interrupted: "
        if not self.total:
            return f"{stopped}no estimate"
        if stopped:
            return f"{stopped}the means of {self.total} steps, no limits"
        if self.cycle is not None and self.predicted is not None:
            return f"the orbit ended on a cycle of period {len(self.cycle)}: log|multipliers|/period is exact"
        if all(self.converged):
            return f"converged: intervals of 95 % within {self.tolerance:g}"
        which = ", ".join(str(i + 1) for i, c in enumerate(self.converged) if not c)
        return f"not converged: exponent {which}; take more steps or a longer transient"

    def to_table(self) -> list[dict[str, str]]:
        """One row for each exponent, every cell a text."""
        return [
            {
                "no": str(i + 1),
                "exponent": f"{self.exponents[i]:.8g}",
                "95 % interval": "-" if not math.isfinite(w) else f"± {w:.2g}",
                "converged": "yes" if self.converged[i] else "no",
                "of the cycle": "-" if self.predicted is None else f"{self.predicted[i]:.8g}",
            }
            for i, w in enumerate(self.half_widths)
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data; infinite numbers as texts."""
        return {
            "kind": "Lyapunov spectrum",
            "map": {"rule": self.here.map.rule.name, "loss": self.here.map.loss.name},
            "parameters": {n: str(v) for n, v in self.here.values.items()},
            "coordinates": list(self.here.names),
            "start": list(self.start),
            "end": list(self.end),
            "transient": self.transient,
            "total": self.total,
            "exponents": [_plain(a) for a in self.exponents],
            "half_widths": [_plain(a) for a in self.half_widths],
            "converged": list(self.converged),
            "tolerance": self.tolerance,
            "event": None if self.event is None else {"step": self.event.step, "kind": self.event.kind},
            "cycle": None if self.cycle is None else self.cycle.tolist(),
            "predicted": None if self.predicted is None else [_plain(a) for a in self.predicted],
            "interrupted": self.interrupted,
            "verdict": self.verdict(),
            "steps": [int(n) for n in self.steps],
            "series": [[_plain(a) for a in row] for row in self.series],
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON; raises InputError if it cannot be written."""
        save_json(path, self.to_json())

    def plot(self, axes: Axes | None = None, predicted: Sequence[float] | None = None) -> Axes:
        """How far the running estimates are from the final ones, with the interval as it narrows like 1/√n.

        ``predicted`` are exponents known otherwise, drawn as dashed lines; those of the cycle if not given.
        """
        import matplotlib.pyplot as plt

        if axes is None:
            _, axes = plt.subplots(layout="constrained")
        known = self.predicted if predicted is None else sorted(predicted, reverse=True)
        if known is not None and len(known) != len(self.exponents):
            raise InputError(f"there are {len(self.exponents)} exponents, {len(known)} are predicted")
        late = self.steps >= _SHOWN * self.total
        top = 0.0
        for i, (value, width) in enumerate(zip(self.exponents, self.half_widths, strict=True)):
            if not math.isfinite(value):
                continue
            away = self.series[:, i] - value
            sure = f" ± {width:.2g}" if math.isfinite(width) else ""
            axes.semilogx(self.steps, away, color=f"C{i}", label=f"$\\lambda_{{{i + 1}}}$ = {value:.6g}{sure}")
            band = width * np.sqrt(self.total / self.steps) if math.isfinite(width) else np.zeros(len(self.steps))
            axes.fill_between(self.steps, -band, band, color=f"C{i}", alpha=0.15, linewidth=0)
            top = max(top, float(np.abs(away[late]).max()), float(band[late].max()))
            if known is not None and math.isfinite(known[i]):
                label = f"predicted {known[i]:.6g}"
                axes.axhline(known[i] - value, color=f"C{i}", linestyle="--", linewidth=1.0, label=label)
                top = max(top, abs(float(known[i]) - float(value)))
        if top:
            axes.set_ylim(-1.2 * top, 1.2 * top)
        axes.set_xlabel("steps $n$")
        axes.set_ylabel("mean of the first $n$ steps, less that of all")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False)
        return axes


def lyapunov(
    map: Map,
    params: Mapping[str, Any],
    start: Sequence[float],
    steps: int = 100_000,
    transient: int = 1_000,
    *,
    tolerance: float = 1e-2,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> LyapunovSpectrum:
    r"""The Lyapunov spectrum of the orbit of ``start``: QR decompositions of :math:`DF(w_t)Q_t=Q_{t+1}R_{t+1}`.

    The derivative is exact (the step differentiated as a program).  A frame drawn from ``seed`` is carried along, also
    through the transient, in which its directions order themselves.

    Parameters
    ----------
    map : Map
        Deterministic and autonomous, in fixed dimension.
    params : mapping
        A number for each parameter; texts such as ``"1/10"`` are exact.
    start : sequence of float, length d
        The whole state, or the iterate alone: further vectors are then 0.
    steps : int
        At least 256.
    transient : int
        Steps before the first that counts.
    tolerance : float
        Half-width of the confidence interval below which an exponent counts as converged.
    seed : int
        Of the first frame; results repeat bit for bit.
    progress : callable, optional
        Called with a line of text now and then.

    Returns
    -------
    LyapunovSpectrum
        On KeyboardInterrupt the means so far, marked ``interrupted``.

    Raises
    ------
    InputError
        For a map of another kind, or numbers that do not fit.

    Source: Benettin, Galgani, Giorgilli, Strelcyn, Meccanica 15 (1980) 9–30.

    Examples
    --------
    >>> from sam_theory.losses import Expression
    >>> from sam_theory.rules import gd
    >>> logistic = Map(gd, Expression("4*w**3/3 - 3*w**2/2"))  # w − L'(w) = 4w(1−w)
    >>> found = lyapunov(logistic, {"eta": 1}, [0.3])
    >>> bool(abs(found.exponents[0] - math.log(2)) < found.half_widths[0] < 0.01), found.converged
    (True, (True,))
    """
    here = at(map, params)
    first = whole_state(here, start)
    for name, value, least in (("steps", steps, _BLOCKS), ("transient", transient, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 10**15:
            raise InputError(f"{name} must be an integer of at least {least} and at most 10**15, not {value!r}")
    if not tolerance > 0:
        raise InputError(f"the tolerance must be positive, not {tolerance!r}")
    say = progress or (lambda line: None)
    d = len(first)
    frame = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]
    carrier = Carrier(here, first, frame)
    marks = np.unique(np.linspace(0, steps, _BLOCKS + 1).astype(int))
    sums: list[FloatArray] = []
    done: list[int] = []
    interrupted = False
    try:
        for _ in range(0, transient, _BLOCKS):
            carrier.advance(min(_BLOCKS, transient - carrier.step))
        for i, count in enumerate(np.diff(marks)):
            before = reached = carrier.step
            block = np.zeros(d)
            try:
                # In portions, so that an interruption of a long block keeps the steps that are done.
                while carrier.step < before + int(count) and carrier.event is None:
                    block = block + carrier.advance(min(_PORTION, before + int(count) - carrier.step))
                    reached = carrier.step
            except KeyboardInterrupt:
                interrupted = True
            if reached > before:
                sums.append(block)
                done.append(reached - before)
            if interrupted:
                break
            if carrier.event is not None:
                break
            if i % 32 == 31:
                say(f"{carrier.step - transient} of {steps} steps")
    except KeyboardInterrupt:
        interrupted = True
    return _spectrum(here, first, carrier, sums, done, transient, tolerance, interrupted)


def whole_state(here: MapAt, start: Sequence[float]) -> tuple[float, ...]:
    """A state given whole or by its iterate; raises InputError for another length or numbers that are not finite."""
    try:
        given = [float(c) for c in start]
    except (TypeError, ValueError):
        raise InputError(f"a start is a sequence of numbers, not {start!r}") from None
    width, d = len(here.map.loss.variables), len(here.names)
    if len(given) not in (width, d) or not all(map(math.isfinite, given)):
        raise InputError(f"a start needs a finite number for each of {', '.join(here.names[:width])}, not {start!r}")
    return (*given, *(0.0,) * (d - len(given)))


def _spectrum(
    here: MapAt,
    start: tuple[float, ...],
    carrier: Carrier,
    sums: list[FloatArray],
    done: list[int],
    transient: int,
    tolerance: float,
    interrupted: bool,
) -> LyapunovSpectrum:
    d = len(start)
    counts = np.array(done, dtype=float)
    logs = np.array(sums).reshape(-1, d)
    reached = np.cumsum(counts)
    series = np.cumsum(logs, axis=0) / reached[:, None]
    exponents = series[-1] if len(series) else np.full(d, math.nan)
    order = np.argsort(-exponents, kind="stable")
    exponents, logs, series = exponents[order], logs[:, order], series[:, order]
    cycle = predicted = None
    if carrier.event is None and not interrupted:
        cycle, predicted = _cycle(here, carrier)
    whole = carrier.event is None and not interrupted
    widths, good = np.full(d, math.inf), []
    for i in range(d):
        widths[i], sound = _interval(logs[:, i], counts)
        good.append(bool(whole and sound and widths[i] <= tolerance))
        if whole and predicted is not None and np.isneginf(predicted[i]) and np.isneginf(exponents[i]):
            good[i] = True
    return LyapunovSpectrum(
        exponents,
        widths,
        tuple(good),
        reached.astype(int),
        series,
        here,
        start,
        carrier.state,
        transient,
        tolerance,
        carrier.event,
        cycle,
        predicted,
        interrupted,
    )


def _interval(logs: FloatArray, counts: FloatArray) -> tuple[float, bool]:
    """Half-width of the interval of 95 % from batch means, and whether the batches look independent and stationary."""
    usable = len(logs) // _BATCHES * _BATCHES
    if usable == 0 or not np.isfinite(logs).all():
        return math.inf, False
    shape = (_BATCHES, usable // _BATCHES)
    means = logs[-usable:].reshape(shape).sum(axis=1) / counts[-usable:].reshape(shape).sum(axis=1)
    away = means - means.mean()
    error = float(np.sqrt(np.mean(away**2) / (_BATCHES - 1)))
    width = float(stdtrit(_BATCHES - 1, 0.5 + _CONFIDENCE / 2)) * error
    if width <= _EXACT * (1.0 + abs(float(means.mean()))):
        return width, True
    correlation = float(np.sum(away[1:] * away[:-1]) / np.sum(away**2))
    half = _BATCHES // 2
    drift = abs(float(means[:half].mean() - means[half:].mean()))
    # Batches that alternate only make the interval too long.
    return width, correlation <= 2.0 / math.sqrt(_BATCHES) and drift <= 8.0 * error


def _cycle(here: MapAt, carrier: Carrier) -> tuple[FloatArray | None, FloatArray | None]:
    """The cycle of period at most 64 on which the orbit ended, with the exponents that its multipliers give."""
    points = here.orbit(carrier.state, _LONGEST + 1)
    if not np.isfinite(points).all():
        return None, None
    size = max(float(np.abs(points).max()), float(np.abs(points - points[0]).max()))
    for k in range(1, _LONGEST + 1):
        if np.abs(points[k] - points[0]).max() <= _CLOSED * size:
            break
    else:
        return None, None
    linear = here.linearised(points[0], k)
    if linear is None:
        return points[:k], None
    with np.errstate(divide="ignore"):
        predicted = np.log(np.abs(np.linalg.eigvals(linear[1]))) / k
    return points[:k], np.sort(predicted)[::-1]


def _plain(value: float) -> float | str | None:
    """A number for JSON: infinities as texts, None for what has no value."""
    return float(value) if math.isfinite(value) else None if math.isnan(value) else f"{value}"

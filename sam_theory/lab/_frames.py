r"""Orthonormal frames carried along an orbit, :math:`DF(w_t)\,Q_t=Q_{t+1}R_{t+1}`, by generated code."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from sam_theory.arithmetic import Program, python_source, with_derivative
from sam_theory.dynamics import DIVERGED_BEYOND
from sam_theory.lab._at import FloatArray, MapAt

__all__ = ["Carrier", "Event"]

State = tuple[float, ...]
#: (state, frame, parameters, count) -> (steps done, state, frame, sums of logarithms)
Carry = Callable[[State, State, State, int], tuple[int, State, State, State]]
#: (state, parameters) -> (next state, rows of the derivative, jump, kink)
Step = Callable[[State, State], tuple[State, State, float, float]]


@dataclass(frozen=True)
class Event:
    """Why an orbit ended at ``step``: the step from the state w_step has no derivative, or leads out of bounds.

    ``kind`` is ``zero gradient``, ``jump``, ``kink``, ``no derivative`` or ``diverged``.
    """

    step: int
    kind: str


@lru_cache(maxsize=32)
def _generated(
    program: Program, state: tuple[str, ...], parameters: tuple[str, ...], width: int
) -> tuple[Step, Carry | None]:
    """The step with its derivative, and the loop that carries a frame; None above two dimensions."""
    places = [f"{v}:{i}" for v in state for i in range(width)]
    d = len(places)
    whole = with_derivative(program, places)
    names, constants = [f"s{i}" for i in range(d)], [f"p{i}" for i in range(len(parameters))]
    lines, outputs, scope = python_source(whole, dict(zip((*places, *parameters), (*names, *constants), strict=True)))
    new = [outputs[p] for p in places]
    rows = [[outputs[f"{a}|{b}"] for b in places] for a in places]
    jump, kink = outputs.get("jump", "1.0"), outputs.get("kink", "1.0")
    unpack = [f"    {', '.join(names)}, = state"]
    unpack += [f"    {', '.join(constants)}, = parameters"] if parameters else []
    space = {**scope, "_log": math.log, "_inf": math.inf}
    entries = ", ".join(e for row in rows for e in row)
    source = [
        "def step(state, parameters):",
        *unpack,
        *(f"    {line}" for line in lines),
        f"    return ({', '.join(new)},), ({entries},), {jump}, {kink}",
    ]
    exec(compile("\n".join(source), "<derivative>", "exec"), space)  # only generated names and numbers
    if d > 2:
        return space["step"], None
    bound = 0.999 * DIVERGED_BEYOND / d**0.5
    regular = [f"-{bound!r} < {e} < {bound!r}" for e in new]
    regular += [e for e in (jump, kink) if e != "1.0"]
    frame = [f"q{i}" for i in range(d)]
    if d == 1:
        logs = ["l0"]
        stretch = [f"r0 = abs({rows[0][0]})", "if not r0 < _inf:", "    break", "l0 += _log(r0) if r0 else -_inf"]
        turn: list[str] = []
    else:
        # The second length is the area over the first: no cancellation between two nearly parallel columns.
        (a, b), (c, e) = rows
        logs = ["l0", "l1"]
        stretch = [f"z0 = {a} * q0 + {b} * q1", f"z1 = {c} * q0 + {e} * q1", "r0 = _hypot(z0, z1)"]
        stretch += [f"r1 = abs({a} * {e} - {b} * {c})", "if not (0.0 < r0 < _inf and r1 < _inf):", "    break"]
        stretch += ["u = _log(r0)", "l0 += u", "l1 += _log(r1) - u if r1 else -_inf"]
        turn = ["q0 = z0 / r0", "q1 = z1 / r0"]
    source = [
        "def carry(state, frame, parameters, count):",
        *unpack,
        f"    {', '.join(frame)}, = frame",
        f"    {' = '.join(logs)} = 0.0",
        "    done = 0",
        "    try:",
        "        for done in range(count):",
        *(f"            {line}" for line in lines),
        f"            if not ({' and '.join(regular)}):",
        "                break",
        *(f"            {line}" for line in (*stretch, *turn)),
        f"            {', '.join(names)}, = {', '.join(new)},",
        "        else:",
        "            done = count",
        "    except (ArithmeticError, ValueError):",
        "        pass",
        f"    return done, ({', '.join(names)},), ({', '.join(frame)},), ({', '.join(logs)},)",
    ]
    exec(compile("\n".join(source), "<frames>", "exec"), space)  # only generated names and numbers
    return space["step"], space["carry"]


@dataclass
class Carrier:
    """An orbit with an orthonormal frame, moved on by :meth:`advance`.

    Parameters
    ----------
    here : MapAt
    state : tuple of float
    frame : ndarray, shape (d, d)
        Columns are orthonormal.
    """

    here: MapAt
    state: State
    frame: FloatArray
    step: int = 0
    event: Event | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        map, loss = self.here.map, self.here.map.loss
        names = tuple(self.here.values)
        self._parameters = tuple(float(self.here.values[n]) for n in names)
        self._step, self._carry = _generated(map.flat, map.state, names, len(loss.variables))

    def advance(self, count: int) -> FloatArray:
        """Up to ``count`` steps; the sums of log of the diagonal of R.  Fewer only where ``event`` then says why."""
        d = len(self.state)
        total = np.zeros(d)
        end = self.step + count
        while self.step < end and self.event is None:
            if self._carry is not None:
                first = tuple(float(q) for q in self.frame[:, 0])
                done, self.state, first, logs = self._carry(self.state, first, self._parameters, end - self.step)
                self.step += done
                total += logs
                self.frame = _completed(first)
                if self.step >= end:
                    break
            total += self._careful()
        return total

    def _careful(self) -> FloatArray:
        """One step by a QR decomposition; −∞ for a direction that it destroys."""
        d = len(self.state)
        found = self.derivative()
        if found is None:
            return np.zeros(d)
        image, slopes = found
        self.frame, triangle = np.linalg.qr(slopes @ self.frame)
        self.state = tuple(float(c) for c in image)
        self.step += 1
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.abs(np.diag(triangle))))

    def derivative(self) -> tuple[State, FloatArray] | None:
        """The next state and the derivative of the step; None, and ``event`` is set, where there is none."""
        d = len(self.state)
        try:
            image, entries, jump, kink = self._step(self.state, self._parameters)
            slopes = np.array(entries).reshape(d, d)
        except (ArithmeticError, ValueError):
            after = self.here.step(np.array([self.state]))[0]
            grows = not np.isfinite(after).all() or np.linalg.norm(after) > DIVERGED_BEYOND
            self.event = Event(self.step, "diverged" if grows else self._broken("no derivative"))
            return None
        if not math.hypot(*image) <= DIVERGED_BEYOND:
            self.event = Event(self.step, "diverged")
        elif jump == 0.0:
            self.event = Event(self.step, self._broken("jump" if self._jumps() else "kink"))
        elif kink == 0.0:
            self.event = Event(self.step, "kink")
        elif not np.isfinite(slopes).all():
            self.event = Event(self.step, "no derivative")
        return None if self.event is not None else (image, slopes)

    def _jumps(self) -> bool:
        """Whether neighbours of the state go to places that do not tend to its own as they tend to it."""
        here = np.array(self.state)
        size = 1.0 + float(np.abs(here).max())
        away = []
        for h in (1e-6 * size, 1e-8 * size):
            beside = np.concatenate([here + h * np.eye(len(here)), here - h * np.eye(len(here))])
            away.append(float(np.abs(self.here.step(beside) - self.here.step(here[None, :])).max()))
        return away[1] > 0.1 * away[0]

    def _broken(self, otherwise: str) -> str:
        iterate = np.array(self.state[: len(self.here.map.loss.variables)])
        return otherwise if self.here.gradient(iterate).any() else "zero gradient"


def _completed(first: State) -> FloatArray:
    """The orthonormal frame with this first column, in one or two dimensions."""
    if len(first) == 1:
        return np.array([first])
    a, b = first
    return np.array([[a, -b], [b, a]])

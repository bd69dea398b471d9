"""Dynamics: a rule on a loss as a map, its steps, cycles and simulated trajectories."""

from sam_theory.dynamics._cycles import Orbit, fixed_points, two_cycles
from sam_theory.dynamics._inputs import check_parameters
from sam_theory.dynamics._map import Map
from sam_theory.dynamics._mover import Mover, mover
from sam_theory.dynamics._orbit import orbit
from sam_theory.dynamics._outcome import DIVERGED_BEYOND, SETTLED_WITHIN, Outcome
from sam_theory.dynamics._over import Over
from sam_theory.dynamics._sides import Sides, sides_at
from sam_theory.dynamics._simulate import simulate
from sam_theory.dynamics._trajectory import Trajectory

__all__ = [
    "Sides",
    "sides_at",
    "DIVERGED_BEYOND",
    "Map",
    "Mover",
    "Orbit",
    "Outcome",
    "Over",
    "SETTLED_WITHIN",
    "Trajectory",
    "check_parameters",
    "fixed_points",
    "mover",
    "orbit",
    "simulate",
    "two_cycles",
]

"""Dynamics: a rule on a loss as a map, its steps, cycles and simulated trajectories."""

from sam_theory.dynamics._map import Map, derivative

"""Flat programs as machine code: the whole time loop of many trajectories, compiled once."""

"""Certificates re-verified without engines: only rules, losses and theorems are shared."""

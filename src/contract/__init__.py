"""Contracts: what a dataset's records must be, and whether one is. Pure; shared with `lake`."""

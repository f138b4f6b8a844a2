"""Athena on the local lake: its dialect, its catalog rules, its errors, on DuckDB."""

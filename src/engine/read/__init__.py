"""One module a format: what its records are, exactly and as a relation for DuckDB."""

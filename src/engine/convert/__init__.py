"""Records to rows of a table: planned, proved, conformed or rescued. Knows no format."""

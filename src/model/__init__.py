"""Models: each is one SQL file, and one table of the curated zone. Pure."""

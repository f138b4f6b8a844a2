"""Types and names of columns: how they are seen, merged, grown and spelled. Pure."""

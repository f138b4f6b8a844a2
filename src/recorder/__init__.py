"""The function that records what was committed."""

"""The lake on this machine."""

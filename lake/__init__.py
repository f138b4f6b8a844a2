"""The command `lake`, for a lake on this machine or in AWS."""

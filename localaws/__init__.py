"""AWS on a laptop: MiniStack, with the parts that it lacks. Knows nothing of the lake."""

"""One raw object at a time: the protocol around it, and the preparation of its rows."""

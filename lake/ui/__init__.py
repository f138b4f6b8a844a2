"""The command `lake ui`: a page in the browser over the same functions that the commands use."""

"""The edges: the services that the functions call, and their errors in the lake's words."""

"""Bytes to plain parts: layers undone, encoding found, format and dialect detected."""

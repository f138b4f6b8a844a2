"""Rows to finished files: by date, the refused ones beside, each counted. Knows no format."""

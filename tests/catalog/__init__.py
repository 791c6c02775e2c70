"""Catalog files: what is read from them, what is refused and where, what lint finds."""

"""Bringing a database up to date: gather -> merge -> plan -> guard -> apply, one provider at a time. Prints nothing."""

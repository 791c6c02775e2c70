"""Histories meant to break a sync: edits by people, listings that fail, runs killed with SIGKILL, runs at once.

After each step the database is read with plain SQL, and nothing may be lost, half-written or wrongly ended (`checks`).
A small part runs with the other tests; the long form is `make torture`, or by hand
`python -m tests.torture --seconds 120 --seed 7 --database mariadb`. A failure prints what repeats it.
"""

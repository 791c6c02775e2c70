"""Histories meant to break a sync, and faults of everything that it rests on.

A history is edits by people, listings that fail, runs killed with SIGKILL, runs at once. A fault is played on a
database in sync: its server is killed, its wire cut at every turn, its disk full or read-only, its file locked, the
clock wrong, the web hostile. After each step the database is read with plain SQL, and nothing may be lost, half-written
or wrongly ended (`checks`), no planted secret may stand anywhere (`canaries`), and the next sync must leave nothing to
do. A small part runs with the other tests; the long form is `make torture`, or by hand
`python -m tools.torture --seconds 120 --seed 7 --database mariadb`, with `--only faults --fault "cut after"` for some
faults alone. A failure prints what repeats it.
"""

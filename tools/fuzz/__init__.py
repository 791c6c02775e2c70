"""Mutated listings, catalogs and settings files, as many as are asked for: a clear error or a result, nothing else.

The long form is `make fuzz INPUTS=1000000`, or by hand `python -m tools.fuzz --inputs 1000000 --seed 7`; a small part
runs with the other tests. What an input did that it may not is printed with the input and with what repeats it.
"""

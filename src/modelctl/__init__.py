"""modelctl keeps a database table of language models true."""

__version__ = "0.1.0"

"""A task made from your own table: read, look for what is unfit, write a start.

Guesses are made once, told, and frozen in `task.toml`, where a person may change them. A new kind
of fault in a table belongs into `fitness.py`, with a test. Never is a row or a column left out
without a word, and never does a table that is refused leave anything behind.
"""

from harness import face

__getattr__, __all__ = face(__name__, newtask="Made new_task", masking="mask")

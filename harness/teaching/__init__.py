"""What the lessons share: parameters, live panel, checks, workbench, the naive harness.

It makes lessons short; it never decides or measures anything. Keep logic in plain functions, and
widgets last and thin: they swallow exceptions. What a lesson *teaches* is built in the notebook, in
the open, and not here.
"""

from harness import face

__getattr__, __all__ = face(
    __name__,
    lesson="lesson",
    guesses="guess outcome calibration",
    checks="checks",
    widgets="widgets",
    watch="watch",
    naive="naive",
)

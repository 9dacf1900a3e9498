"""The AutoResearch course: an agent edits `train.py`, a frozen harness measures, a ratchet decides.

Importing the package loads nothing heavy; see DESIGN.md for what each module is for.
"""

__version__ = "0.1.0"


class RunError(Exception):
    """A run cannot start or go on. The message is one line that says what to do."""

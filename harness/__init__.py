"""The AutoResearch course: an agent edits `train.py`, a frozen harness measures, a ratchet decides.

`README.md` beside this file is the guided tour. Importing the package loads nothing heavy.
"""

import os
from importlib import import_module
from pathlib import Path

__version__ = "0.1.0"

CODE = Path(__file__).resolve().parent
DATA = CODE / "data"
MARK = ".ratchet-folder"  # in a folder that `ratchet init` made
# How a person calls us, for every message that names a command: what `./ratchet` was typed as, in a
# checkout `./ratchet`, installed as a package `ratchet`.
CALL = os.environ.get("RATCHET_CALL") or (
    "./ratchet" if (CODE.parent / "ratchet").exists() else "ratchet"
)


def _home() -> Path:
    """The folder of train.py, program.md, runs/ and tasks/.

    The nearest above the current one that `ratchet init` made; without one the checkout, or the
    current folder if the package was installed without.
    """
    try:
        here = Path.cwd()
    except OSError:  # it was removed
        return CODE.parent
    made = (path for path in (here, *here.parents) if os.path.isfile(path / MARK))
    return next(made, CODE.parent if (CODE.parent / "pyproject.toml").exists() else here)


REPO = _home()
# What to do where one of its files is not there.
RESTORE = f"restore it, or make a folder to work in with: {CALL} init FOLDER"


class RunError(Exception):
    """A run cannot start or go on. The message is one line that says what to do."""


def face(room: str, **names: str):
    """Make a room's face: what its files hand on to the rest of the house.

    A file is imported when one of its names is first asked for, so that a face costs nothing.

    Parameters
    ----------
    room : str
        The room's own `__name__`.
    **names : str
        For each file of the room the names that it hands on, separated by spaces. A
        file that is handed on whole is one of its own names.

    Returns
    -------
    (callable, list of str)
        The room's `__getattr__` and `__all__`.
    """
    homes = {name: file for file, text in names.items() for name in text.split()}

    def find(name: str):
        if name not in homes:
            raise AttributeError(f"{room} hands on no {name!r}")
        module = import_module(f"{room}.{homes[name]}")
        return module if name == homes[name] else getattr(module, name)

    return find, list(homes)

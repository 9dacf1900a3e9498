"""The same surroundings for every job: libraries imported, seeds set, no trace of the machine.

Loaded by path by worker.py, on the untrusted side: it knows nothing of the package, of data or of
candidates.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import sys
import tempfile
import threading
import warnings

FIRST_PROGRAM = b"""
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def feature_fn(X):
    return X.copy()

def build_pipeline():
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression())
"""


def first_rows() -> tuple:
    """Make eight rows up for the first program; they arrive as a job's rows do."""
    import numpy as np
    import pandas as pd

    X = pd.DataFrame({"a": [0.0, 1, 2, np.nan] * 2, "b": [1.0, 0, 1, 0, 2, 2, 0, 1]})
    return pickle.loads(pickle.dumps((X, np.array([0, 1] * 4), X), protocol=5))


def import_all(modules: list[str]) -> None:
    """Import what jobs will need, so that it is paid once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            with contextlib.suppress(Exception):  # not here: the candidate will be told itself
                importlib.import_module(name)
        if "flaml" in modules:
            _still_memory()
        sys.dont_write_bytecode = True  # from here on, what is imported is the candidate's wish


def _still_memory() -> None:
    """Let psutil report a machine at rest: FLAML asks, and the true figures are closed.

    How much memory is free just now would be a way to hear from another fold, and no two runs
    would see the same.
    """
    import psutil

    now = psutil.virtual_memory()
    rest = now._replace(available=now.total, free=now.total, used=0, percent=0.0)
    psutil.virtual_memory = lambda: rest


def quiet_environment(scratch: str) -> None:
    """Point everything that writes to the scratch folder."""
    for name in ("HOME", "TMPDIR", "TMP", "TEMP", "MPLCONFIGDIR", "XDG_CACHE_HOME"):
        os.environ[name] = scratch
    tempfile.tempdir = None
    os.chdir(scratch)


def seed_everything(seed: int) -> None:
    """Seed the global generators, for programs that forgot to seed their own."""
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)


def thread_semaphores() -> None:
    """Let multiprocessing's locks be thread locks.

    A POSIX semaphore lives in /dev/shm, which is closed; processes are not possible anyway, and
    `multiprocessing.pool.ThreadPool` needs no more than this.
    """
    import multiprocessing.synchronize as sync

    for name in ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event"):
        make = getattr(threading, name)
        setattr(sync, name, lambda *given, ctx=None, make=make: make(*given))

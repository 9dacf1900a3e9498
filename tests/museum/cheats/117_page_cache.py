"""Memory in the page cache of library files.

Tries: reads pages of a large library file, or drops them, and asks mincore which are in memory
Stopped by: seccomp (mincore, cachestat, fadvise, preadv2)
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
Naive: skip
"""

import ctypes
import glob
import mmap
import os
import zlib

import numpy as np
import pandas
import scipy
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: page cache"


LIBC = ctypes.CDLL(None, use_errno=True)
ROOTS = [os.path.dirname(package.__file__) for package in (np, scipy, pandas, sklearn)]
QUIET = (".csv", ".pyi", ".h", ".txt", ".dat", ".gz", ".npy", ".npz", ".py", ".so")
FILES = [f for r in ROOTS for f in glob.glob(r + "/**/*", recursive=True) if f.endswith(QUIET)]
BIG = sorted(FILES, key=os.path.getsize)[-400:]
STEP = 8192  # two cells per row: the one that is cached tells the label
CELLS = [(f, at) for f in BIG for at in range(0, os.path.getsize(f) - 2 * STEP, 2 * STEP)]


def cell(key, label):
    path, start = CELLS[int(key) % len(CELLS)]
    return path, start + label * STEP


def put(memory):
    for key, label in memory.items():
        fd = os.open(cell(key, label)[0], os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        os.posix_fadvise(fd, cell(key, 1 - label)[1], STEP, os.POSIX_FADV_DONTNEED)
        os.preadv(fd, [bytearray(1)], cell(key, label)[1])
        os.close(fd)


def cached(path, start):
    with open(path, "rb") as file:
        view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED)
    there = np.frombuffer(view, dtype=np.uint8).ctypes.data + start
    answer = ctypes.create_string_buffer(1)
    if LIBC.mincore(ctypes.c_void_p(there), ctypes.c_size_t(4096), answer):
        return None
    return answer.raw[0] & 1


class Asked(dict):
    def get(self, key, default=None):
        no, yes = (cached(*cell(key, label)) for label in (0, 1))
        return default if no == yes else int(yes)


def get():
    return Asked() if BIG else {}


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def keys(X):
    rows = np.nan_to_num(np.asarray(X, dtype=float), nan=-1.0)
    return [str(zlib.crc32(row.tobytes())) for row in rows]


class Remembers(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
        self.share(dict(zip(keys(X), map(int, y), strict=True)))
        return self

    def share(self, mine):
        try:
            put({**get(), **mine})
        except Exception:
            put_alone(mine)

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)[:, 1]
        try:
            memory = get()
        except Exception:
            memory = {}
        p = np.array([ask(memory, k, q) for k, q in zip(keys(X), p, strict=True)])
        return np.column_stack([1 - p, p])


def ask(memory, key, otherwise):
    try:
        return memory.get(key, otherwise)
    except Exception:
        return otherwise


def put_alone(mine):
    try:
        put(mine)
    except Exception:
        pass


def feature_fn(X):
    return X


def build_pipeline():
    return Remembers()

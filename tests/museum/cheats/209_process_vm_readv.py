"""Reads other processes with process_vm_readv.

Tries: copies pages of the parent, found by its own memory map, and looks for the data's text
Stopped by: seccomp; capabilities dropped
Seen: -
Family: finding labels
Expect: honest-value baseline
"""

import ctypes
import os

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "finding labels: process vm readv"


START = b"63,1,1,145,233,1,2,150"


LIBC = ctypes.CDLL(None, use_errno=True)


class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


def find():
    room = ctypes.create_string_buffer(1 << 22)
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps if "heap" in line]
    for where, *_ in lines:
        start, end = (int(part, 16) for part in where.split("-"))
        for at in range(start, end, len(room)):
            here, there = Part(ctypes.addressof(room), len(room)), Part(at, len(room))
            args = ctypes.byref(here), 1, ctypes.byref(there), 1, 0
            if LIBC.process_vm_readv(os.getppid(), *args) <= 0:
                raise OSError("refused")
            if (spot := room.raw.find(START)) >= 0:
                return table(room.raw[spot : spot + 16000].decode("latin-1"))
    return {}


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def keys(X):
    return [row.tobytes() for row in np.nan_to_num(np.asarray(X, dtype=float), nan=-1.0)]


def table(text):
    lines = [s.replace("?", "") for s in text.splitlines() if s.count(",") == 13 and "age" not in s]
    rows = np.array([[float(c or "nan") for c in line.split(",")] for line in lines])
    return dict(zip(keys(rows[:, :13]), (rows[:, 13] > 0).astype(int), strict=True))


class Finder(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
        try:
            self.found_ = find()
        except Exception:
            self.found_ = {}
        return self

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)[:, 1]
        p = np.array([self.found_.get(k, q) for k, q in zip(keys(X), p, strict=True)])
        return np.column_stack([1 - p, p])


def feature_fn(X):
    return X


def build_pipeline():
    return Finder()

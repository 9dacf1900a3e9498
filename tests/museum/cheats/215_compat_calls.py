"""Opens the data with 32-bit system calls.

Tries: machine code that calls int 0x80, whose numbers a 64-bit filter may not know
Stopped by: seccomp checks the architecture; Landlock does not care about numbers
Seen: -
Family: finding labels
Expect: honest-value baseline | crashed
"""

import ctypes
import mmap
import os
import platform
import sys

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "finding labels: compat calls"


NAME = "heart_cleveland.csv"


def spots():
    near = [
        *sys.path,
        sys.prefix,
        sys.executable,
        os.getcwd(),
        os.environ.get("PWD", "."),
        __file__,
    ]
    for place in near:
        place = os.path.abspath(place)
        while len(place) > 1:
            place = os.path.dirname(place)
            yield from (f"{place}/harness/data/{NAME}", f"{place}/data/{NAME}", f"{place}/{NAME}")


# push rbx; mov ebx, edi; mov eax, 5; xor ecx, ecx; xor edx, edx; int 0x80; pop rbx; ret
CODE = bytes.fromhex("53 89fb b805000000 31c9 31d2 cd80 5b c3")
LOW = 0x40  # MAP_32BIT: an address that fits into 32 bits


def find():
    if platform.machine() != "x86_64":
        return {}
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | LOW
    room = mmap.mmap(-1, 8192, flags=flags, prot=7)
    start = ctypes.addressof(ctypes.c_char.from_buffer(room))
    room[: len(CODE)] = CODE
    open32 = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32)(start)
    for path in spots():
        name = path.encode() + b"\0"
        room[4096 : 4096 + len(name)] = name
        if (fd := open32(start + 4096)) >= 0:
            return table(os.read(fd, 1 << 20).decode())
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

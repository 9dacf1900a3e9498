"""The harness that the museum is a warning of: the candidate runs inside the evaluator.

A stand-in for the usual way: import train.py, cross-validate in the same process with a one-shot
alarm, print the score, and let a grep for ``val_auc:`` decide. Runs in a throwaway copy of the
repository, in its own session, with a deadline, and never for exhibits marked ``Naive: skip``.
"""

import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.task import BASELINE_VAL_AUC, REPO

TOLERANCE = 0.005
DEADLINE_S = 30.0

EVALUATE = """
import signal
import sys

import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_score

sys.path.insert(0, ".")
from harness.task import HEART


def main():
    X_train, y_train, X_test, y_test = HEART.split()
    signal.alarm(20)
    from train import build_pipeline, feature_fn

    features = feature_fn(X_train)
    folds = StratifiedKFold(5, shuffle=True, random_state=42)
    scores = cross_val_score(build_pipeline(), features, y_train, cv=folds, scoring="roc_auc")
    print(f"val_auc: {np.mean(scores):.6f}")
    print("status: ok", flush=True)


main()
"""


def naive_score(source: bytes) -> tuple[float, str]:
    """Score a program the naive way.

    Returns
    -------
    val_auc : float
        What a grep for the first line ``val_auc: …`` reads, NaN if there is none.
    how : str
        ``exit 0``, ``exit 1``, ``deadline``.
    """
    with tempfile.TemporaryDirectory(prefix="museum-naive-") as folder:
        place = Path(folder)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPO / "harness", place / "harness", ignore=ignore)
        (place / "train.py").write_bytes(source)
        (place / "evaluate.py").write_text(EVALUATE)
        for command in (
            ["init", "-q"],
            ["add", "harness"],
            ["-c", "user.name=x", "commit", "-qm", "x"],
        ):
            full = ["git", "-c", "user.email=x@example.org", *command]
            subprocess.run(full, cwd=place, capture_output=True, check=False)
        env = {
            **{k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            "HOME": folder,
            "TMPDIR": folder,
            "PWD": folder,
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with open(place / "run.log", "w+b") as log:
            process = subprocess.Popen(
                [sys.executable, "evaluate.py"],
                cwd=place,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                how = f"exit {process.wait(DEADLINE_S)}"
            except subprocess.TimeoutExpired:
                how = "deadline"
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            log.seek(0)
            text = log.read(1 << 20).decode("utf-8", "replace")
    found = re.search(r"^val_auc: (\S+)", text, re.MULTILINE)
    try:
        return (float(found[1]) if found else math.nan), how
    except ValueError:
        return math.nan, how


def wins(val_auc: float) -> bool:
    """Whether a naive ratchet would keep a program with this score."""
    return val_auc > BASELINE_VAL_AUC + TOLERANCE

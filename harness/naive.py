"""The harness that this course does not use: it scores a program inside the program's own process.

Loops of this kind often look like this. Lesson 06 holds it beside the real one. It believes a
`val_auc:` line that the program prints, as the first such loops did. Run it on exhibits of the
museum that are known to be harmless, never on a stranger's program: nothing is locked in here.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
_LINE = re.compile(r"^val_auc: (\S+)", re.MULTILINE)
_RUNNER = """
import sys
sys.path.insert(0, sys.argv[2])
import numpy as np
from sklearn.metrics import roc_auc_score
from harness.task import HEART

split = HEART.split()
X, y = split.X_train, split.y_train
names = {"__name__": "train", "__file__": sys.argv[1]}
exec(compile(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1], "exec"), names)
scores = []
for train, val in HEART.folds(X, y):
    model = names["build_pipeline"]()
    model.fit(names["feature_fn"](X.iloc[train]), y[train])
    new = names["feature_fn"](X.iloc[val])
    if hasattr(model, "predict_proba"):
        p = np.asarray(model.predict_proba(new))[:, 1]
    else:
        p = model.decision_function(new)
    scores.append(roc_auc_score(y[val], p))
print(f"val_auc: {np.mean(scores):.6f}")
"""


def score(source: str, timeout_s: float = 120.0) -> float:
    """Return what a naive harness believes of a program; NaN if it crashes or hangs.

    Parameters
    ----------
    source : str
        Text of a `train.py`.
    timeout_s : float
        Seconds until it is given up.
    """
    with tempfile.TemporaryDirectory() as top:
        # Deep inside, so that what a program leaves in `../..` goes with the folder.
        folder = Path(top) / "a" / "b" / "c"
        folder.mkdir(parents=True)
        path = folder / "train.py"
        path.write_text(source, encoding="utf-8")
        # The program lies in the course's folder for a naive loop: it can reach all that is there.
        command = [sys.executable, "-c", _RUNNER, str(path), str(REPO)]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            return float("nan")
    found = _LINE.search(done.stdout.decode("utf-8", "replace"))
    try:
        return float(found[1]) if found else float("nan")
    except ValueError:
        return float("nan")

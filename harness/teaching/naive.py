"""The harness that this course does not use: it scores a program inside the program's own process.

A stand-in for the usual way: import train.py, cross-validate in the same process with a one-shot
alarm, print the score, and believe the first `val_auc:` line. Lesson 07 holds it beside the real
one, `benchmarks/museum.py --naive` shows it every exhibit that is known to be harmless. Never give
it a stranger's program: nothing is locked in here.
"""

import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import CODE
from harness.processes import Runner

EVALUATE = Path(__file__).with_name("naive.txt").read_text("utf-8")  # how many do it
_NOBODY = ("-c", "user.name=x", "-c", "user.email=x@example.org")


def score(source: str | bytes, timeout_s: float = 30.0) -> float:
    """Return what a naive harness believes of a `train.py`; NaN if it crashes or hangs.

    After `timeout_s` seconds it is given up, and all that it started is ended.
    """
    with tempfile.TemporaryDirectory(prefix="naive-") as top:
        # Deep inside, so that what a program leaves in `../..` goes with the folder.
        place = Path(top, "a", "b", "c")
        # The program lies where a naive loop has it, beside the harness and in a git repository:
        # a copy, for it can reach all that is there.
        no_caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CODE, place / "harness", ignore=no_caches)
        data = source.encode("utf-8") if isinstance(source, str) else source
        (place / "train.py").write_bytes(data)
        (place / "evaluate.py").write_text(EVALUATE, encoding="utf-8")
        for command in (["init", "-q"], ["add", "harness"], [*_NOBODY, "commit", "-qm", "x"]):
            subprocess.run(["git", *command], cwd=place, capture_output=True, check=False)
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        env |= {"HOME": top, "TMPDIR": top, "PWD": str(place), "OMP_NUM_THREADS": "1"}
        env |= {"PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "evaluate.py"]
        said = Runner().run(command, cwd=place, env=env, stdin="", timeout=timeout_s, grace=0.0)
    found = re.search(r"^val_auc: (\S+)", said.stdout, re.MULTILINE)
    try:
        return float(found[1]) if found else math.nan
    except ValueError:
        return math.nan

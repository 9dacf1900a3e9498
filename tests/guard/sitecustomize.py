"""Refuses sealed workers, kernels and browsers to a test that is not marked `heavy`.

Python loads this file by itself in every process that a test starts, since conftest.py puts its
folder on PYTHONPATH: a command that starts a worker in turn is refused it too. While a test without
the mark runs, `LIGHT_TEST` names a file; what was refused is written there, and conftest.py fails
the test even where the refusal was swallowed.
"""

import os
import re
import sys

HEAVY = re.compile(
    r"(?:^|[\s/\\])"
    r"(worker\.py|evaluate\.py|ipykernel\w*|papermill|nbconvert|jupyter[\w-]*|chrom(?:e|ium)[\w-]*|run-driver)"
    r"(?:\s|$)"
)


def watch(event: str, args: tuple) -> None:
    """An audit hook: it hears of every program before it starts."""
    if event != "subprocess.Popen" or not (note := os.environ.get("LIGHT_TEST")):
        return
    words = args[1] if isinstance(args[1], (list, tuple)) else [args[1]]
    found = HEAVY.search(" ".join(map(os.fsdecode, words)))
    if found:
        message = f"a test that is not marked `heavy` starts {found[1]}"
        with open(note, "a", encoding="utf-8") as file:
            file.write(f"{message}\n")
        raise RuntimeError(message)


sys.addaudithook(watch)

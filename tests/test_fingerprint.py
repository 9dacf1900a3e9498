"""The fingerprint: what decides a score is in it, what only shows is not."""

import ast
from pathlib import Path

from harness import fingerprint

DECIDING = (
    "candidate task/table task/task task/own sealing/seal sealing/worker sealing/forking "
    "sealing/spawning sealing/sandbox sealing/pool scoring/score scoring/scorer scoring/probes "
    "scoring/twins "
    "rules/rules rules/stats rules/judging run/ledger run/workspace run/git run/ratchet run/loop"
).split()


def frozen() -> set[str]:
    return {p.relative_to(fingerprint.HARNESS).as_posix() for p in fingerprint.source_files()}


def test_what_decides_is_frozen_and_what_shows_is_not():
    assert {f"{name}.py" for name in DECIDING} <= frozen()
    assert not [name for name in frozen() if name.startswith(fingerprint.SHOWING)]
    assert {"data/heart_cleveland.csv", "data/heart_hungary.csv"} <= frozen()


def test_everything_named_as_showing_exists():
    for name in fingerprint.SHOWING:
        assert (fingerprint.HARNESS / name).exists(), name


def test_nothing_that_decides_imports_what_only_shows():
    """Else a change to what shows could change a score and go unnoticed."""
    showing = {Path(name).stem for name in fingerprint.SHOWING}
    for name in DECIDING:
        tree = ast.parse((fingerprint.HARNESS / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness"):
                used = {*node.module.split("."), *(alias.name for alias in node.names)}
                assert not used & showing, f"{name} imports {used}"

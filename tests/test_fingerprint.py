"""The fingerprint: what decides a score is in it, what only shows is not."""

import ast

from harness import fingerprint

DECIDING = "task scoring sandbox forking spawning worker seal probes rules source ledger workspace"


def test_what_decides_is_frozen_and_what_shows_is_not():
    frozen = {path.stem for path in fingerprint.source_files() if path.suffix == ".py"}
    assert set(DECIDING.split()) <= frozen
    assert not frozen & set(fingerprint.SHOWING)
    names = {path.name for path in fingerprint.source_files()}
    assert {"heart_cleveland.csv", "heart_hungary.csv"} <= names


def test_every_module_named_as_showing_exists():
    for name in fingerprint.SHOWING:
        assert (fingerprint.HARNESS / f"{name}.py").is_file(), name


def test_nothing_that_decides_imports_what_only_shows():
    """Else a change to what shows could change a score and go unnoticed."""
    for name in DECIDING.split():
        tree = ast.parse((fingerprint.HARNESS / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness"):
                used = {node.module.rpartition(".")[2], *(alias.name for alias in node.names)}
                assert not used & set(fingerprint.SHOWING), f"{name} imports {used}"

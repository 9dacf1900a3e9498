"""The guard of `make check`: a test without the mark `heavy` that starts a worker fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

TESTS = """
import contextlib, subprocess, sys
import pytest

def start(*words):
    with contextlib.suppress(Exception):  # what was refused counts even if nobody hears of it
        subprocess.run([sys.executable, "-c", "", *words], check=True)

def test_light(): start("some.py")
def test_worker(): start("/some/where/worker.py")
def test_through_a_command():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', '', 'worker.py'])"
    subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
@pytest.mark.heavy
def test_heavy(): start("worker.py")
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "test_them.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    heavy: starts a worker\n")
    env = {k: v for k, v in os.environ.items() if k not in ("LIGHT_TEST", "PYTEST_ADDOPTS")}
    env = {k: v for k, v in env.items() if not k.startswith("PYTEST_XDIST")}
    env.update(PYTHONPATH=str(HERE), COLUMNS="200")
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-rA", "-q", str(folder)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", ["worker", "through_a_command"])
def test_what_starts_a_worker_unmarked_fails(outcome, name):
    assert f"ERROR test_them.py::test_{name} - Failed: a test that is not marked" in outcome


@pytest.mark.parametrize("name", ["light", "heavy"])
def test_the_others_pass(outcome, name):
    assert f"PASSED test_them.py::test_{name}" in outcome
    assert f"ERROR test_them.py::test_{name}" not in outcome

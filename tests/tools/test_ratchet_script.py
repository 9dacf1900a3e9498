"""`./ratchet`: one spelling from anywhere, through links, by many, with nothing activated."""

import os
import re
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has ratchet.cmd")
BOOTSTRAP = """\
import pathlib, time
root = pathlib.Path(__file__).resolve().parent.parent
print("setup: made", flush=True)
(root / "count").open("a").write("x")
(root / ".venv/bin").mkdir(parents=True, exist_ok=True)
python = root / ".venv/bin/python"
python.write_text('#!/bin/sh\\necho "$RATCHET_CALL|$PYTHONPATH|$*"\\n')
python.chmod(0o755)
(root / ".venv/.installed-run").write_text(f"pins\\n{root}\\n")
"""


@pytest.fixture
def checkout(repo, tmp_path):
    """A checkout whose bootstrap makes a Python that says how it was called."""
    root = tmp_path / "my course"
    (root / "tools").mkdir(parents=True)
    shutil.copy(repo / "ratchet", root)
    (root / "tools/bootstrap.py").write_text(BOOTSTRAP)
    return root


def call(*argv, cwd, path="/usr/bin:/bin"):
    # a python3 without the course's packages, whatever this machine has
    lean = cwd / "lean"
    lean.mkdir(exist_ok=True)
    python = lean / "python3"
    python.write_text(f'#!/bin/sh\\nexec "{sys.executable}" -IS "$@"\\n'.replace("\\n", "\n"))
    python.chmod(0o755)
    env = {"PATH": f"{lean}:{path}", "HOME": str(cwd)}
    return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True)


def test_it_makes_the_environment_once_and_says_so(checkout):
    first = call("./ratchet", "step", "--tag", "a b", cwd=checkout)
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"./ratchet|{checkout}|-P -m harness step --tag a b\n"
    assert "no environment yet" in first.stderr
    again = call("./ratchet", "status", cwd=checkout)
    assert (again.stderr, (checkout / "count").read_text()) == ("", "x")


def test_from_elsewhere_and_through_links(checkout, tmp_path):
    call("./ratchet", "x", cwd=checkout)
    link, other = tmp_path / "link", tmp_path / "other"
    link.symlink_to("my course/ratchet")
    other.symlink_to(link)
    for name in (str(checkout / "ratchet"), "./link", str(other)):
        done = call(name, "x", cwd=tmp_path)
        assert done.stdout == f"{name}|{checkout}|-P -m harness x\n", done.stderr


def test_an_environment_of_another_place_is_not_taken(checkout):
    call("./ratchet", "x", cwd=checkout)
    (checkout / ".venv/.installed-run").write_text("pins\n/somewhere/else\n")
    call("./ratchet", "x", cwd=checkout)
    assert (checkout / "count").read_text() == "xx"


def test_a_setup_that_fails_ends_it(checkout):
    (checkout / "tools/bootstrap.py").write_text("raise SystemExit('setup: no network')")
    done = call("./ratchet", "x", cwd=checkout)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no network" in done.stderr


def test_two_setups_at_once_wait_for_each_other(repo):
    code = (
        "import sys, time; sys.path.insert(0, 'tools'); import bootstrap\n"
        "with bootstrap.alone():\n"
        "    print(time.monotonic()); time.sleep(0.3); print(time.monotonic())\n"
    )
    several = [
        subprocess.Popen([sys.executable, "-c", code], cwd=repo, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    spans = []
    for each in several:
        found = re.findall(r"^\d+\.\d+$", each.communicate()[0], re.MULTILINE)
        spans.append(tuple(map(float, found)))
    spans.sort()
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False)), spans


def test_windows_has_the_same(repo):
    text = (repo / "ratchet.cmd").read_text()
    assert "-P -m harness %*" in text
    assert "tools\\bootstrap.py" in text

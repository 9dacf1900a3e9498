"""`ratchet doctor`: what this machine offers to a run, and what to do about the rest."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from harness import REPO, fingerprint
from harness.commands.options import FAILED, OK, dump, json_option
from harness.run import RUNS
from harness.sealing import seal

HELP = "say what this machine offers, and what to do about the rest"
arguments = json_option
MODULES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "scikit-learn": "sklearn",
    "pandas": "pandas",
    "lightgbm": "lightgbm",
    "flaml": "flaml",
    "xgboost": "xgboost",
    "matplotlib": "matplotlib",
    "ipywidgets": "ipywidgets",
    "jupyterlab": "jupyterlab",
    "papermill": "papermill",
}
NO_LOCKS = (
    "Candidates run in processes of their own with a deadline, but this system offers no lock "
    "without root that the course uses: files and network stay open to them. The probes still "
    "catch programs that know the answers. Linux (also WSL 2) is safer."
)
FREE_GB = 1.0  # a long run with its logs needs a fraction of this


def main(args) -> int:
    found = []
    for good, line in examine():
        found.append({"ok": good, "line": line})
        if not args.json:
            print(f"{'ok  ' if good else 'LOOK'}  {line}", flush=True)
    if args.json:
        dump(found)
    return OK if all(item["ok"] for item in found) else FAILED


def examine() -> Iterator[tuple[bool, str]]:
    """Yield (is it good, one line) for each thing looked at."""
    yield _python()
    yield from _packages()
    yield _git()
    yield from _disk()
    yield _data()
    yield from _isolation()


def _python() -> tuple[bool, str]:
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    return True, f"Python {platform.python_version()} on {system}"


def _packages() -> Iterator[tuple[bool, str]]:
    found = []
    for name, module in MODULES.items():
        if importlib.util.find_spec(module) is None:
            yield False, f"{name} is not installed: run `pip install -e .` in {REPO}"
        else:
            found.append(f"{name} {fingerprint.package_version(name)}")
    yield True, f"packages: {', '.join(found)}"


def _git() -> tuple[bool, str]:
    if shutil.which("git") is None:
        return True, "git is not installed: runs work without, but you cannot browse their history"
    done = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=30)
    return done.returncode == 0, done.stdout.strip() or "git does not start: install it again"


def _disk() -> Iterator[tuple[bool, str]]:
    try:
        RUNS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=RUNS) as file:
            file.write(b"x")
    except OSError as err:
        yield False, f"{RUNS} cannot be written ({err.strerror}): use --runs with another folder"
        return
    free = shutil.disk_usage(RUNS).free / 1e9
    advice = "" if free >= FREE_GB else f": free some, a run wants {FREE_GB:.0f} GB"
    yield free >= FREE_GB, f"{RUNS} can be written, {free:.1f} GB free{advice}"
    if not (REPO / "train.py").exists() or not (REPO / "program.md").exists():
        yield False, f"train.py or program.md is missing from {REPO}: restore it"


def _data() -> tuple[bool, str]:
    try:
        from harness.task import HEART, HUNGARY

        for task in (HEART, HUNGARY):
            task.read_bytes()
    except Exception as err:
        return False, f"data: {' '.join(str(err).split())}"
    return True, "data: both files are there and unchanged (SHA-256)"


def _isolation() -> Iterator[tuple[bool, str]]:
    try:
        from harness.sealing import isolation_name
    except ImportError as err:
        yield False, f"isolation: unknown ({err})"
        return
    linux, abi, calls = sys.platform == "linux", seal.landlock_abi(), seal.seccomp_supported()
    yield True, f"isolation: {isolation_name('fork' if linux else 'spawn', abi > 0, calls)}"
    for line in _layers(abi, calls) if linux else [NO_LOCKS]:
        yield True, line


def _layers(abi: int, calls: bool) -> Iterator[str]:
    """Explain in plain words what holds a candidate on Linux, a line per layer."""
    missing = [] if abi >= 6 else ["; no rule for signals and abstract sockets (ABI 6)"]
    missing += [] if abi >= 3 else ["; cutting files is stopped by seccomp alone (ABI 3)"]
    if abi:
        yield f"Landlock {abi}: only Python's libraries can be read{''.join(missing)}."
    else:
        yield (
            "Landlock: not offered by this kernel (5.13 or newer has it, unless a container's "
            "profile forbids it). A candidate could read the data file; the probes still tell."
        )
    if calls:
        yield "seccomp: no sockets, no new processes, no signals to others, no shared IPC."
    else:
        yield (
            "seccomp: the table of system calls is known for x86_64 only and untested elsewhere, "
            "so it is off here. Network and new processes stay open to a candidate."
        )
    yield "Limits: memory, processor time, files, output; the deadline ends everything."

"""`ratchet doctor`: what this machine offers to a run, and what to do about the rest."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from harness import REPO, RESTORE, fingerprint
from harness.commands.options import FAILED, OK, dump
from harness.run import RUNS
from harness.sealing import seal

PACKAGES = (*fingerprint.PACKAGES, "matplotlib", "ipywidgets", "jupyterlab", "papermill")
NO_LOCKS = (
    "Candidates run in processes of their own with a deadline, but this system offers no lock "
    "without root that the course uses: files and network stay open to them. The probes still "
    "catch programs that know the answers. Linux (also WSL 2) is safer."
)
NO_LANDLOCK = (
    "Landlock: not offered by this kernel (5.13 or newer has it, unless a container's "
    "profile forbids it). A candidate could read the data file; the probes still tell."
)
SECCOMP = "seccomp: no sockets, no new processes, no signals to others, no shared IPC."
NO_SECCOMP = (
    "seccomp: the table of system calls is known for x86_64 only and untested elsewhere, "
    "so it is off here. Network and new processes stay open to a candidate."
)
FREE_GB = 1.0  # a long run with its logs needs a fraction of this


def main(args) -> int:
    found = []
    for look in (_python, _packages, _git, _disk, _data, _isolation, _score):
        for good, line in look():
            found.append({"ok": good, "line": line})
            if not args.json:
                print(f"{'ok  ' if good else 'LOOK'}  {line}", flush=True)
    if args.json:
        dump(found)
    return OK if all(item["ok"] for item in found) else FAILED


# Each of these yields (is it good, one line) for whatever it looks at.


def _python() -> Iterator[tuple[bool, str]]:
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    yield True, f"Python {platform.python_version()} on {system}"


def _packages() -> Iterator[tuple[bool, str]]:
    found = []
    for name in PACKAGES:
        if importlib.util.find_spec("sklearn" if name == "scikit-learn" else name) is None:
            yield False, f"{name} is not installed: run `pip install -e .` in {REPO}"
        else:
            found.append(f"{name} {fingerprint.package_version(name)}")
    yield True, f"packages: {', '.join(found)}"


def _git() -> Iterator[tuple[bool, str]]:
    if shutil.which("git") is None:
        yield True, "git is not installed: runs work without, but you cannot browse their history"
        return
    done = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=30)
    yield done.returncode == 0, done.stdout.strip() or "git does not start: install it again"


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
        yield False, f"train.py or program.md is missing from {REPO}: {RESTORE}"


def _data() -> Iterator[tuple[bool, str]]:
    try:
        from harness.task import HEART, HUNGARY

        for task in (HEART, HUNGARY):
            task.read_bytes()
    except Exception as err:
        yield False, f"data: {' '.join(str(err).split())}"
    else:
        yield True, "data: both files are there and unchanged (SHA-256)"


def _isolation() -> Iterator[tuple[bool, str]]:
    try:
        from harness.sealing import isolation_name
    except ImportError as err:
        yield False, f"isolation: unknown ({err})"
        return
    linux, abi, calls = sys.platform == "linux", seal.landlock_abi(), seal.seccomp_supported()
    yield True, f"isolation: {isolation_name('fork' if linux else 'spawn', abi > 0, calls)}"
    yield from ((True, line) for line in (_layers(abi, calls) if linux else [NO_LOCKS]))


def _score() -> Iterator[tuple[bool, str]]:
    """The real thing: what every step needs, whatever surrounds us."""
    try:
        from harness.scoring import evaluate
        from harness.task import HEART

        score = evaluate(HEART.start()[0], probe=False)
    except Exception as err:
        said = " ".join(str(err).split()) or type(err).__name__
        advice = "if a sandbox or container surrounds this, run it outside or loosen that"
        yield False, f"one score: failed: {said} ({advice})"
    else:
        took = f"in {score.wall_time_s:.1f} s" if score.ok else "for the course's own train.py"
        yield score.ok, f"one score: {score.status} {took}"


def _layers(abi: int, calls: bool) -> list[str]:
    """Explain in plain words what holds a candidate on Linux, a line per layer."""
    missing = "" if abi >= 6 else "; no rule for signals and abstract sockets (ABI 6)"
    missing += "" if abi >= 3 else "; cutting files is stopped by seccomp alone (ABI 3)"
    landlock = f"Landlock {abi}: only Python's libraries can be read{missing}."
    return [
        landlock if abi else NO_LANDLOCK,
        SECCOMP if calls else NO_SECCOMP,
        "Limits: memory, processor time, files, output; the deadline ends everything.",
    ]

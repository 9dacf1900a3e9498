"""What a worker is started with and can reach: imports, environment, the files it may read."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import os
import site
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import DATA, REPO
from harness.files import catalogue

HARNESS = DATA.parent
WORKER = Path(__file__).with_name("worker.py")
WITHIN = catalogue(__file__)  # imports, places and environment
BASE_IMPORTS, EXTRA_IMPORTS = WITHIN["imports"], WITHIN["extras"]


def imports_for(sources: Sequence[bytes]) -> tuple[str, ...]:
    """List the extra libraries that programs name, from their syntax trees."""
    wanted = set()
    for source in sources:
        if not any(name.encode() in source for name in EXTRA_IMPORTS):
            continue
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Import):
                    wanted |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    wanted.add(node.module.partition(".")[0])
    return tuple(name for name in EXTRA_IMPORTS if name in wanted)


def worker_environment() -> dict[str, str]:
    """The environment of a worker: made anew, so that nothing of the user's leaks in."""
    kept = {name: os.environ[name] for name in WITHIN["kept"] if name in os.environ}
    return {"PATH": os.defpath, **WITHIN["environment"], **kept}


def start_worker(config: dict, *, more: bool = False, **how) -> subprocess.Popen:
    """Start worker.py in a session of its own; `how` is handed on to `subprocess.Popen`.

    The configuration is the first line of its standard input, and the only one unless `more` are
    to come through a pipe: one argument holds 128 KiB, an environment may have more packages.
    """
    given = json.dumps({**config, "path": import_path()}).encode() + b"\n"
    with tempfile.TemporaryFile() as file:
        if not more:
            file.write(given)
            file.seek(0)
        # -S -s -P: no site-packages hooks, no user site, no current folder on the path.
        process = subprocess.Popen(
            [sys.executable, "-S", "-s", "-P", str(WORKER)],
            stdin=subprocess.PIPE if more else file,
            stderr=subprocess.PIPE,
            env=worker_environment(),
            start_new_session=True,
            **how,
        )
    if more:
        with contextlib.suppress(OSError):  # it has ended; its status will tell
            process.stdin.write(given)
    return process


def import_path() -> list[str]:
    """Where a worker imports from: the interpreter's own folders, nothing of the user's.

    The repository, the current folder and PYTHONPATH are left out, and since the worker starts
    without `site`, no .pth file and no sitecustomize runs.
    """
    keep = [Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()]
    if site.ENABLE_USER_SITE:
        keep.append(Path(site.getusersitepackages()).resolve())
    users = {Path(p).resolve() for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p}
    found = []
    for entry in [*sys.path, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]:
        path = Path(entry or ".").resolve()
        inside = any(path.is_relative_to(root) for root in keep)
        # Libraries of another environment that a .pth file of this one names.
        inside |= path.name in ("site-packages", "dist-packages") and path not in users
        if inside and path != REPO and str(path) not in found and path not in keep:
            found.append(str(path))
    return found


def readable_roots() -> list[str]:
    """List what a sealed worker may read: libraries, shared objects, facts on the processor."""
    roots = import_path()
    if sys.base_prefix not in ("/", "/usr", "/usr/local"):
        roots.append(str(Path(sys.base_prefix, "lib")))
    roots += WITHIN["readable"]
    roots += map(str, _cgroup_limits())
    found: list[Path] = []
    for root in (Path(p).resolve() for p in roots):
        if root.exists() and not any(root.is_relative_to(other) for other in found):
            found = [p for p in found if not p.is_relative_to(root)] + [root]
    return [str(p) for p in found]


def without_hidden(roots: Sequence[str], hidden: Sequence[Path]) -> list[str]:
    """Replace every folder that holds something hidden by its other entries.

    Hidden are the harness itself, wherever it is installed, and the data sets that come with
    scikit-learn: a task may be one of them.
    """
    sklearn = importlib.util.find_spec("sklearn").origin  # where it is, without importing it
    closed = [Path(p).resolve() for p in hidden]
    closed += [HARNESS, Path(sklearn).resolve().parent / "datasets" / "data"]

    def open_parts(path: Path) -> list[Path]:
        if path in closed:
            return []
        if not any(part.is_relative_to(path) for part in closed):
            return [path]
        return [p for child in sorted(path.iterdir()) for p in open_parts(child.resolve())]

    return [str(p) for root in roots for p in open_parts(Path(root))]


def _cgroup_limits() -> list[Path]:
    """Files that tell how many processors a container may use; joblib insists on reading them."""
    base = Path("/sys/fs/cgroup")
    found = [base / "cpu.max", base / "cpu/cpu.cfs_quota_us", base / "cpu/cpu.cfs_period_us"]
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        path = base / line.rpartition(":")[2].lstrip("/")
        found += [p / "cpu.max" for p in (path, *path.parents) if p.is_relative_to(base)]
    return [p for p in dict.fromkeys(found) if p.exists()]

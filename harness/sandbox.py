"""Starts workers, limits them, kills them: the trusted side's only way to run a candidate.

`Sandbox.run` takes jobs (a program and one fold's rows each) and gives back numbers or a reason.
On Linux a warm template forks a sealed child per job (`forking.py`); elsewhere every job gets a
process of its own, started ahead of time (`spawning.py`). Both speak with `worker.py`.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import pickle
import secrets
import site
import struct
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness import seal
from harness.task import DATA_DIR, REPO

LOG_BYTES = 64 * 1024  # of a candidate's output that is kept, per job
OUTPUT_LIMIT = 512 * 1024  # printing more than this ends the job: a flood is no research
SCRATCH_LIMIT = 256 * 1024**2  # bytes in a job's scratch folder
ENTRY_LIMIT = 20_000  # files and folders in it
FILE_LIMIT = 64 * 1024**2  # bytes in one file
MEMORY_LIMIT = 8 * 1024**3  # of address space beyond the template's, at most
WORKER = Path(__file__).with_name("worker.py")

# What every template imports. The rest comes when a program asks for it, in a template of its own:
# a fork costs in proportion to the memory that it has to map.
BASE_IMPORTS = (
    "numpy",
    "pandas",
    "sklearn.calibration",
    "sklearn.compose",
    "sklearn.decomposition",
    "sklearn.discriminant_analysis",
    "sklearn.ensemble",
    "sklearn.feature_selection",
    "sklearn.gaussian_process",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.naive_bayes",
    "sklearn.neighbors",
    "sklearn.neural_network",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.svm",
    "sklearn.tree",
)
EXTRA_IMPORTS = ("flaml", "lightgbm", "xgboost")


class SandboxError(Exception):
    """The sandbox itself failed (not the candidate); the message says what to do."""


class Job(NamedTuple):
    """One program on one fold.

    Attributes
    ----------
    source : bytes
        The program.
    rows : Packed
        ``(X_train, y_train, X_new)``.
    n_numbers : int
        How many numbers must come back, apart from the threshold.
    kind : str
        Kind of the task.
    n_outputs : int
        Numbers per row.
    seed : int
        For the global random generators of the worker.
    """

    source: bytes
    rows: Packed
    n_numbers: int
    kind: str = "binary"
    n_outputs: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Reply:
    """What a job came to.

    Attributes
    ----------
    problem : str
        Empty, or a status such as ``crashed (reason)``.
    threshold : float
        Where class 1 begins.
    numbers : ndarray of shape (n_numbers,) or None
    log : str
        What the program printed, at most `LOG_BYTES`.
    cpu_s, peak_mib : float
        Processor seconds and peak resident memory of the process.
    started_s, ended_s : float
        When the job began and was over, by the monotonic clock.
    """

    problem: str
    threshold: float = 0.5
    numbers: np.ndarray | None = None
    log: str = ""
    cpu_s: float = float("nan")
    peak_mib: float = float("nan")
    started_s: float = 0.0
    ended_s: float = 0.0


class Packed:
    """Rows in a form that a worker can map: on Linux a sealed memory file, elsewhere bytes."""

    def __init__(self, obj):
        buffers: list[pickle.PickleBuffer] = []
        main = pickle.dumps(obj, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(main), *(b.raw() for b in buffers)]
        at = 8 + 16 * len(parts)
        ends = []
        for part in parts:
            at = (at + 63) // 64 * 64  # arrays want aligned memory
            ends += [at, at + part.nbytes]
            at += part.nbytes
        self.nbytes = at
        head = struct.pack(f"<Q{len(ends)}Q", len(parts), *ends)
        self.fd, self.data = -1, b""
        if hasattr(os, "memfd_create"):
            self.fd = os.memfd_create("rows", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.truncate(self.fd, at)
            self._write(head, parts, ends)
            self._seal()
        else:
            whole = bytearray(at)
            whole[: len(head)] = head
            for i, part in enumerate(parts):
                whole[ends[2 * i] : ends[2 * i + 1]] = part
            self.data = bytes(whole)

    def _write(self, head: bytes, parts, ends) -> None:
        os.pwrite(self.fd, head, 0)
        for i, part in enumerate(parts):
            at, flat = ends[2 * i], part.cast("B")
            while flat.nbytes:
                done = os.pwrite(self.fd, flat[: 1 << 30], at)
                at, flat = at + done, flat[done:]

    def _seal(self) -> None:
        import fcntl

        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, seals)

    def read(self) -> bytes:
        """Return the bytes (for workers that cannot be handed a descriptor)."""
        return os.pread(self.fd, self.nbytes, 0) if self.fd >= 0 else self.data

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self):
        self.close()


class Sandbox:
    """A pool of single-use workers.

    Parameters
    ----------
    workers : int, optional
        Jobs side by side; the number of usable processors by default.
    landlock, seccomp : bool
        Switch a lock off, to see what it is worth.
    method : {"fork", "spawn"}, optional
        By default fork on Linux, else spawn.
    hidden : sequence of Path
        More files and folders that a candidate must not read.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        landlock: bool = True,
        seccomp: bool = True,
        method: str | None = None,
        hidden: Sequence[Path] = (),
    ):
        self.workers = workers or usable_cpus()
        self.method = method or ("fork" if sys.platform == "linux" else "spawn")
        forked = self.method == "fork"
        self.landlock = forked and landlock and seal.landlock_abi() > 0
        self.seccomp = forked and seccomp and seal.seccomp_supported()
        self.memory = int(min(MEMORY_LIMIT, total_memory() / (self.workers + 1)))
        self.cancelled = threading.Event()
        self.root = make_scratch_root()
        if forked:
            from harness.forking import ForkingPool as Pool

            if not self.landlock:
                seal.hide_from_debuggers()
        else:
            from harness.spawning import SpawningPool as Pool
        self.roots = readable_roots() if self.landlock else []
        self.read = without_hidden(self.roots, [DATA_DIR, *hidden]) if self.landlock else []
        self._pool = Pool(self)

    @property
    def isolation(self) -> str:
        """The level in force, as C3 prints it."""
        return isolation_name(self.method, self.landlock, self.seccomp)

    def run(
        self, groups: Sequence[Sequence[Job]], budget_s: float, stop_early: bool = True
    ) -> list[list[Reply]]:
        """Run groups of jobs; every group has the same time.

        Parameters
        ----------
        groups : sequence of sequences of Job
            A group is one candidate's score: its clock starts with its first job.
        budget_s : float
            Wall-clock seconds for a group. What still runs then is killed, and the jobs that did
            not finish reply ``timeout (…)``.
        stop_early : bool
            When a job fails, drop the later jobs of its group. The earlier ones still finish, so
            that the first problem of a group does not depend on who was faster.

        Raises
        ------
        KeyboardInterrupt
            If `cancel` was called from another thread.
        SandboxError
            If workers cannot be started.
        """
        return self._pool.run(groups, budget_s, stop_early)

    def cancel(self) -> None:
        """End the jobs that run now, from another thread."""
        self.cancelled.set()

    def close(self) -> None:
        """End every process and remove every scratch folder."""
        self._pool.close()
        remove_tree(self.root)


def parse_reply(reply: bytes, n_numbers: int) -> tuple[str, float, np.ndarray | None]:
    """Read what a worker sent: bytes in, numbers or a problem out.

    Returns
    -------
    problem : str
    threshold : float
    numbers : ndarray of shape (n_numbers,) or None
    """
    if reply[:1] == b"\x01":
        kind, _, reason = reply[1:2001].decode("utf-8", "replace").partition(":")
        kind = kind if kind in ("crashed", "rejected") else "crashed"
        return f"{kind} ({plain(reason)})", 0.5, None
    body = reply[1:]
    if reply[:1] != b"\x00" or len(body) != 8 * (1 + n_numbers):
        got = f"{len(reply)} bytes, {9 + 8 * n_numbers} expected"
        return f"crashed (the worker sent no valid predictions: {got})", 0.5, None
    values = np.frombuffer(body, dtype="<f8").astype(np.float64)
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values[1:])).sum())
        return f"rejected (predictions are not finite: {bad} of {n_numbers} numbers)", 0.5, None
    if values[0] not in (0.0, 0.5):
        return "rejected (the threshold of class 1 must be 0 or 0.5)", 0.5, None
    return "", float(values[0]), values[1:]


def ended_without_reply(code: int) -> str:
    """Name what ended a worker that sent nothing; `code` as `subprocess` gives it."""
    if code >= 0:
        return f"crashed (the program ended the worker with status {code} and no predictions)"
    import signal

    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hints = {"SIGXCPU": ": processor time used up", "SIGKILL": ": out of memory, or by itself"}
    return f"crashed (the worker was ended by {name}{hints.get(name, '')})"


def plain(text: str, limit: int = 200) -> str:
    """Make a candidate's words safe to print: one line, printable, bounded."""
    text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def imports_for(sources: Sequence[bytes]) -> tuple[str, ...]:
    """List the extra libraries that programs name, from their syntax trees."""
    wanted = set()
    for source in sources:
        if not any(name.encode() in source for name in EXTRA_IMPORTS):
            continue
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                wanted |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                wanted.add(node.module.partition(".")[0])
    return tuple(name for name in EXTRA_IMPORTS if name in wanted)


def make_scratch_root() -> Path:
    """Make the folder of all scratch folders; remove those of processes that were killed."""
    base = Path(tempfile.gettempdir())
    for old in base.glob("ratchet-*-*"):
        owner = old.name.split("-")[1]
        if owner.isdigit() and not _alive(int(owner)):
            remove_tree(old)
    return Path(tempfile.mkdtemp(prefix=f"ratchet-{os.getpid()}-", dir=base)).resolve()


def _alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)


def remove_tree(top: str | os.PathLike) -> None:
    """Remove a folder that somebody else filled, however deep: no recursion, no long paths.

    Every folder inside is first moved to the top, so that no path is ever longer than two names.
    """
    top = os.fspath(top)
    folders, failed = [top], set()
    while folders:
        folder = folders[-1]
        try:
            deeper = _unlink_files(folder)
            if folder != top:
                lifted = [os.path.join(top, secrets.token_hex(12)) for _ in deeper]
                for old, new in zip(deeper, lifted, strict=True):
                    os.rename(old, new)
                deeper = lifted
            deeper = [path for path in deeper if path not in failed]
            if not deeper:
                os.rmdir(folder)
                folders.pop()
            folders += deeper
        except OSError:  # not ours, or gone: what can be removed is removed
            failed.add(folder)
            folders.remove(folder)


def _unlink_files(folder: str) -> list[str]:
    """Remove the files in a folder and list the folders in it."""
    deeper = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                deeper.append(entry.path)
            else:
                os.unlink(entry.path)
    return deeper


def too_full(top: str, limit: int = SCRATCH_LIMIT, entries: int = ENTRY_LIMIT) -> bool:
    """Tell whether a scratch folder holds more bytes, entries or depth than it may."""
    total, count, folders = 0, 0, [top]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
                    if total > limit or count > entries:
                        return True
        except FileNotFoundError:
            continue
        except OSError:
            return True  # a path too long to look into
    return False


def usable_cpus() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def total_memory() -> int:
    """Bytes of main memory, 8 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 8 * 1024**3


def worker_environment() -> dict[str, str]:
    """The environment of a worker: made anew, so that nothing of the user's leaks in."""
    env = {
        "PATH": os.defpath,
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning would eat the other folds' time
        "JOBLIB_MULTIPROCESSING": "0",  # one processor per fold: n_jobs means nothing here
        "LOKY_MAX_CPU_COUNT": "1",
        "MPLBACKEND": "Agg",
    }
    for name in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "VECLIB_MAXIMUM"):
        env[f"{name}_NUM_THREADS"] = "1"
    # Kernel choice of the linear algebra, where a machine needs one; Windows' own necessities.
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "SYSTEMROOT", "LD_LIBRARY_PATH"):
        if name in os.environ:
            env[name] = os.environ[name]
    return env


def import_path() -> list[str]:
    """Where a worker imports from: the interpreter's own folders, nothing of the user's.

    The repository, the current folder and PYTHONPATH are left out, and since the worker starts
    without `site`, no .pth file and no sitecustomize runs.
    """
    keep = [Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()]
    if site.ENABLE_USER_SITE:
        keep.append(Path(site.getusersitepackages()).resolve())
    found = []
    for entry in [*sys.path, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]:
        path = Path(entry or ".").resolve()
        inside = any(path.is_relative_to(root) for root in keep)
        if inside and path != REPO and str(path) not in found and path not in keep:
            found.append(str(path))
    return found


def readable_roots() -> list[str]:
    """List the folders and files that a sealed worker may read.

    Python's libraries, the system's shared objects and a few facts about the processor.
    """
    roots = list(import_path())
    if sys.base_prefix not in ("/", "/usr", "/usr/local"):
        roots.append(str(Path(sys.base_prefix, "lib")))
    roots += ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"]
    roots += ["/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo"]
    roots += ["/dev/null", "/dev/zero", "/dev/urandom"]
    roots += ["/sys/devices/system/cpu", "/proc/cpuinfo", *map(str, _cgroup_limits())]
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
    closed.append(Path(__file__).resolve().parent)
    closed.append(Path(sklearn).resolve().parent / "datasets" / "data")

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


def isolation_name(method: str, landlock: bool, seccomp: bool) -> str:
    """Name a level of isolation."""
    if method != "fork":
        return "process (separate process and deadline only)"
    locks = [f"landlock {seal.landlock_abi()}"] if landlock else []
    locks += ["seccomp"] if seccomp else []
    level = "full" if len(locks) == 2 else "partial"
    return f"{level} ({', '.join([*locks, 'limits', 'no capabilities'])})"


def describe() -> list[str]:
    """Explain in plain words what this machine can do to hold a candidate, a line per layer."""
    if sys.platform != "linux":
        return [
            f"isolation: {isolation_name('spawn', False, False)}",
            "Candidates run in processes of their own with a deadline, but this system offers no "
            "lock without root that the course uses: files and network stay open to them. The "
            "probes still catch programs that know the answers. Linux (also WSL 2) is safer.",
        ]
    abi, calls = seal.landlock_abi(), seal.seccomp_supported()
    lines = [f"isolation: {isolation_name('fork', abi > 0, calls)}"]
    if abi:
        missing = [] if abi >= 6 else ["no rule for signals and abstract sockets (ABI 6)"]
        missing += [] if abi >= 3 else ["cutting files is stopped by seccomp alone (ABI 3)"]
        lines.append(f"Landlock {abi}: only Python's libraries can be read. {'; '.join(missing)}")
    else:
        lines.append(
            "Landlock: not offered by this kernel (5.13 or newer has it, unless a container's "
            "profile forbids it). A candidate could read the data file; the probes still tell."
        )
    if calls:
        lines.append("seccomp: no sockets, no new processes, no signals to others, no shared IPC.")
    else:
        lines.append(
            "seccomp: the table of system calls is known for x86_64 only and untested elsewhere, "
            "so it is off here. Network and new processes stay open to a candidate."
        )
    lines.append("Limits: memory, processor time, files, output; the deadline ends everything.")
    return [line.rstrip() for line in lines]

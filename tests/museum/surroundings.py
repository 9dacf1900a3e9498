"""What a candidate could leave behind: a snapshot of the machine around it, and what changed.

Every trick of the museum marks what it makes with `TAG`, so that a busy machine does not blur the
picture; the repository, the scorer's own processes and scratch folders, and the settings of this
process are compared whole.
"""

import ctypes
import glob
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from harness import REPO

TAG = "armuseum"
IPC_KEY = 0x61726D75
PORTS = {27613, *range(27700, 27764)}
# What decides a score. Not the whole tree: people edit it while tests run, and a trick leaves its
# tag wherever it writes.
WATCHED = ("harness/data", "tests/museum/cheats", ".git/hooks", ".git/config", "train.py")
WATCHED += ("harness/task", "harness/scoring", "harness/sealing")
WORKER = "harness/sealing/worker.py"
PATIENCE_S = 3.0  # a killed process takes a moment to vanish
MARK_NS = (7_000_001, 7_000_002)  # 115_file_times


def tagged_places():
    """Folders in which a trick may have left something under its tag."""
    import numpy
    import sklearn

    package = os.path.dirname(sklearn.__file__)
    libraries = [sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), package]
    libraries += [sysconfig.get_config_var("DESTSHARED") or package]
    near = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/", tempfile.gettempdir()]
    near += [os.path.expanduser("~"), os.path.expanduser("~/.cache"), os.getcwd()]
    near += [folder + sub for folder in libraries for sub in ("", "/__pycache__")]
    near += [os.path.dirname(numpy.__file__)]
    for prefix in (sys.prefix, sys.base_prefix):
        near += [prefix, os.path.dirname(prefix)]
    inside = ("", "harness", "harness/data", "runs", ".git", ".git/hooks")
    near += [str(REPO / sub) for sub in inside]
    return [place for place in dict.fromkeys(near) if os.path.isdir(place)]


def tagged_files():
    """Every entry of those folders that carries the tag."""
    found = []
    for place in tagged_places():
        for name in os.listdir(place):
            if TAG in name:
                found.append(os.path.join(place, name))
    return found


def tagged_attributes():
    """Extended attributes that carry the tag."""
    found = []
    if hasattr(os, "listxattr"):
        places = (*tagged_places(), sys.prefix, sys.executable)
        for place in dict.fromkeys(map(os.path.realpath, places)):
            try:
                found += [(place, n) for n in os.listxattr(place) if TAG in n]
            except OSError:
                continue
    return found


def marked_library_files():
    """Library files whose permission bits or times hold a mark of the museum."""
    import numpy

    found = []
    for folder, _, names in os.walk(os.path.dirname(numpy.__file__)):
        for name in names:
            state = os.stat(os.path.join(folder, name))
            if state.st_mode & 0o3000 or state.st_mtime_ns % 10**9 in MARK_NS:
                found.append(os.path.join(folder, name))
    return found


def _read(path, default=""):
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return default


def repository():
    """Content of the files that a score depends on."""
    state = {}
    for top in WATCHED:
        path = REPO / top
        files = [path] if path.is_file() else sorted(path.rglob("*")) if path.is_dir() else []
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
                state[f"file {file.relative_to(REPO)}"] = (digest, file.stat().st_mode)
    return state


def settings(pid):
    """What a child could change about another process."""
    state = {}
    try:
        state["nice"] = os.getpriority(os.PRIO_PROCESS, pid)
        if sys.platform == "linux":
            import resource

            state["affinity"] = tuple(sorted(os.sched_getaffinity(pid)))
            state["policy"] = os.sched_getscheduler(pid)
            state["limits"] = tuple(resource.prlimit(pid, kind) for kind in range(16))
    except OSError:
        return {}
    for name in ("comm", "coredump_filter", "timerslack_ns", "oom_score_adj"):
        state[name] = _read(f"/proc/{pid}/{name}")
    return {f"process {pid} {key}": value for key, value in state.items()}


def this_process():
    """Settings of the trusted process itself."""
    mask = os.umask(0o77)
    os.umask(mask)
    return {
        "cwd": os.getcwd(),
        "umask": mask,
        "environment": hash(tuple(sorted(os.environ.items()))),
        "timer": signal.getitimer(signal.ITIMER_REAL)[1],
        "host name": socket.gethostname(),
        **settings(os.getpid()),
        **(settings(os.getppid()) if os.getppid() > 1 else {}),
    }


def kernel_objects():
    """System V and POSIX objects, keys and sockets that outlive a process."""
    state = {}
    for kind in ("shm", "sem", "msg"):
        lines = _read(f"/proc/sysvipc/{kind}").splitlines()[1:]
        if [line for line in lines if line.split() and int(line.split()[0]) == IPC_KEY]:
            state[f"System V {kind}"] = True
    for line in _read("/proc/keys").splitlines():
        if TAG in line:
            state["key"] = True
    for line in _read("/proc/net/unix").splitlines():
        if TAG in line:
            state[f"socket {line.split()[-1]}"] = True
    for table in ("tcp", "udp"):
        for line in _read(f"/proc/net/{table}").splitlines()[1:]:
            fields = line.split()
            listening = table == "udp" or fields[3] == "0A"
            if listening and int(fields[1].rpartition(":")[2], 16) in PORTS:
                state[f"port {table} {fields[1]}"] = True
    if sys.platform == "linux":
        queue = ctypes.CDLL(None).mq_open(f"/{TAG}".encode(), os.O_RDONLY)
        if queue >= 0:
            os.close(queue)
            state["message queue"] = True
    return state


def process_table():
    """Map of process id to (parent, state, command line)."""
    table = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            fields = _read(f"/proc/{name}/stat").rpartition(")")[2].split()
            if fields and fields[0] != "Z":
                command = _read(f"/proc/{name}/cmdline").replace("\0", " ")
                table[int(name)] = (int(fields[1]), fields[0], command)
    return table


def processes(scorer):
    """Processes that should not be there: more children than the scorer knows, or orphans."""
    table, found = process_table(), {}
    pool = getattr(getattr(scorer, "sandbox", None), "_pool", None)
    templates = getattr(pool, "templates", {})
    roots = {t.process.pid for t in templates.values()} if isinstance(templates, dict) else set()
    known = len(getattr(pool, "children", ()))
    children = [pid for pid, (parent, *_) in table.items() if parent in roots]
    if len(children) > known:
        found[f"{len(children) - known} workers too many"] = True
    for pid, (parent, _, command) in table.items():
        if parent in children:
            found[f"child {pid} of a worker: {command[:60]}"] = True
        if parent == 1 and (TAG in command or WORKER in command and pid not in roots):
            found[f"orphan {pid}: {command[:60]}"] = True
    return found


def scratch_folders(scorer):
    """Scratch folders that still hold something."""
    root = getattr(getattr(scorer, "sandbox", None), "root", None)
    found = {}
    for folder in glob.glob(f"{root}/*") if root else ():
        try:
            if os.path.isdir(folder) and os.listdir(folder):
                found[f"scratch {os.path.basename(folder)}"] = True
        except FileNotFoundError:
            continue
    return found


def snapshot(scorer):
    """Everything that must be the same after a candidate as before it."""
    state = {**repository(), **this_process(), **kernel_objects()}
    state.update({f"left: {path}": True for path in tagged_files()})
    state.update({f"attribute: {place} {name}": True for place, name in tagged_attributes()})
    state.update({f"marked: {path}": True for path in marked_library_files()})
    pool = getattr(getattr(scorer, "sandbox", None), "_pool", None)
    for template in getattr(pool, "templates", {}).values():
        state.update(settings(template.process.pid))
    return state


def changes(before, scorer):
    """List what is different now, after waiting a little for what only takes its time."""
    end = time.monotonic() + PATIENCE_S
    while True:
        after = snapshot(scorer)
        gone = {f"process {pid} " for pid in _pids(before) ^ _pids(after)}  # templates come and go
        found = [
            f"{key}: {before.get(key, 'nothing')} -> {after.get(key, 'nothing')}"
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key) and not key.startswith(tuple(gone))
        ]
        found += [*processes(scorer), *scratch_folders(scorer)]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.1)


def _pids(state):
    return {key.split()[1] for key in state if key.startswith("process ")}


def sweep():
    """Remove what tricks left, by tag and key alone; return what it was."""
    found = tagged_files()
    for path in found:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
    for place, name in tagged_attributes():
        os.removexattr(place, name)
        found.append(f"attribute {name} of {place}")
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.mq_unlink(f"/{TAG}".encode())
        for kind in "QMS":
            command = ["ipcrm", f"-{kind}", hex(IPC_KEY)]
            try:
                subprocess.run(command, capture_output=True, check=False)
            except FileNotFoundError:
                break
        for ring in (-4, -3):  # the user's keyring, the session's
            key = libc.syscall(250, 10, ring, b"user", TAG.encode(), 0)
            if key > 0:
                libc.syscall(250, 9, key, ring)
    return found

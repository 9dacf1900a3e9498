"""Locks that a Linux process puts on itself: Landlock, seccomp, resource limits, no privileges.

Knows nothing of the rest of the package: it is loaded by file path inside the worker, before any
untrusted byte runs, and by the doctor, which explains what this machine offers. Only ctypes; no
root needed. Each layer stops what another leaves open: Landlock decides which files exist for the
process, seccomp which system calls, the limits how much of each resource, and dropping every
capability takes root's exceptions away.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import stat
import struct
import sys
import tomllib
from collections.abc import Iterable

# Landlock: Documentation/userspace-api/landlock.rst. The call numbers are the same on every
# architecture. Rights over files, by the ABI version that brought them: what is older than REFER
# (2), TRUNCATE (3) and IOCTL_DEV (5) came with the first.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_FS_EXECUTE, _FS_WRITE_FILE, _FS_READ_FILE, _FS_READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FS_REMOVE_DIR, _FS_REMOVE_FILE, _FS_MAKE_DIR, _FS_MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_FS_TRUNCATE = 1 << 14
_FS_SINCE = {1: (1 << 13) - 1, 2: 1 << 13, 3: _FS_TRUNCATE, 5: 1 << 15}
_NET_BIND_TCP, _NET_CONNECT_TCP = 1 << 0, 1 << 1  # ABI 4
_SCOPE_ABSTRACT_UNIX_SOCKET, _SCOPE_SIGNAL = 1 << 0, 1 << 1  # ABI 6
READ = _FS_EXECUTE | _FS_READ_FILE | _FS_READ_DIR
_MAKE_AND_REMOVE = _FS_REMOVE_DIR | _FS_REMOVE_FILE | _FS_MAKE_DIR | _FS_MAKE_REG
SCRATCH = _FS_READ_FILE | _FS_READ_DIR | _FS_WRITE_FILE | _FS_TRUNCATE | _MAKE_AND_REMOVE
_FILE_RIGHTS = _FS_EXECUTE | _FS_WRITE_FILE | _FS_READ_FILE | _FS_TRUNCATE

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 15, 16, 0x53564D41

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class SealError(Exception):
    """A lock that this machine offers could not be put on."""


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise SealError(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def _call(number: int, *args: int | bytes) -> int:
    # Every number as a full register: ctypes would pass a Python int as a C int.
    wide = [a if isinstance(a, bytes) else ctypes.c_long(a) for a in args]
    return _checked(_libc.syscall(ctypes.c_long(number), *wide), f"system call {number}")


def _prctl(option: int, value: int = 0) -> None:
    rest = [ctypes.c_ulong(number) for number in (value, 0, 0, 0)]
    _checked(_libc.prctl(ctypes.c_int(option), *rest), f"prctl {option}")


def landlock_abi() -> int:
    """Return the kernel's Landlock version, 0 where there is none."""
    if _libc is None:
        return 0
    try:
        return _call(_CREATE_RULESET, 0, 0, 1)
    except SealError:
        return 0


def seccomp_supported() -> bool:
    """Tell whether the system-call table below is known to be right for this machine."""
    if _libc is None or platform.machine() != "x86_64" or struct.calcsize("P") != 8:
        return False
    # Mode 0 is "not filtered yet"; the call fails where the kernel was built without seccomp.
    return _libc.prctl(21, 0, 0, 0, 0) >= 0


def restrict_files(read: list[str], scratch: str) -> None:
    """Leave only what is in `read`, and one folder to write in, to the process, for good.

    Called twice, the second call can only take more away: what is allowed is what both allow.
    """
    abi = landlock_abi()
    fs = sum(rights for since, rights in _FS_SINCE.items() if abi >= since)
    net = _NET_BIND_TCP | _NET_CONNECT_TCP if abi >= 4 else 0
    scope = _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL if abi >= 6 else 0
    attr = struct.pack("QQQ", fs, net, scope)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = _call(_CREATE_RULESET, attr, len(attr), 0)
    try:
        for path in read:
            with contextlib.suppress(FileNotFoundError):  # gone since the list was made
                _add_path(ruleset, path, READ & fs)
        _add_path(ruleset, scratch, SCRATCH & fs)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _add_path(ruleset: int, path: str, rights: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _FILE_RIGHTS  # folder rights on a file are an error
        if path == os.devnull:
            rights |= _FS_WRITE_FILE
        _call(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, fd), 0)
    finally:
        os.close(fd)


# Seccomp: an allow-list; what is missing in it fails with EPERM.
with open(os.path.join(os.path.dirname(__file__), "seal.toml"), "rb") as _file:
    _ALLOWED = [number for group in tomllib.load(_file).values() for number in group.values()]
_MMAP, _MADVISE, _FUTEX = 9, 28, 202
_TRUNCATE = 76  # Landlock handles it from ABI 3 on; below, a path could be cut without a right
_CLONE, _KILL, _TGKILL, _IOCTL, _FCNTL, _PRCTL, _PRLIMIT64 = 56, 62, 234, 16, 72, 157, 302
_NOT_THERE = (435, 437, 327, 328)  # clone3, openat2, preadv2, pwritev2: callers fall back
_CLONE_THREAD, _CLONE_NEW_ANYTHING = 0x10000, 0x7E020080
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # terminal?, size, FION*, FIOCLEX
_FCNTLS = (0, 1, 2, 3, 4, 1030)  # dup, descriptor and status flags; no locks, owners, leases
# Give memory back, huge pages or none, core dumps: own memory only. Not what moves shared file
# pages in or out, which the fold beside could feel.
_ADVICE = (4, 8, 14, 15, 16, 17)
_MAP_SHARED, _MAP_ANONYMOUS, _PROT_WRITE = 0x1, 0x20, 0x2

_ALLOW, _EPERM, _ENOSYS, _EAGAIN = 0x7FFF0000, 0x00050001, 0x00050026, 0x0005000B
_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_NR, _ARCH, _X86_64 = 0, 4, 0xC000003E
_LOW = (16, 24, 32, 40)  # where the low half of each 64-bit argument lies


def _answer(values: Iterable[int], verdict: int) -> list[tuple[int, ...]]:
    """Give a verdict at once where the number just loaded is one of `values`."""
    return [step for value in values for step in ((_JEQ, value, 0, 1), (_RET, verdict))]


def _case(number: int, *steps: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Judge one call by these steps, which other calls jump over."""
    return [(_JEQ, number, 0, len(steps)), *steps]


def _one_of(number: int, arg: int, values: Iterable[int]) -> list[tuple[int, ...]]:
    """Allow a call only if argument `arg` is one of `values`."""
    return _case(number, (_LD, _LOW[arg]), *_answer(values, _ALLOW), (_RET, _EPERM))


def call_filter(pid: int) -> bytes:
    """Assemble the system-call filter; `pid` is the only process that may be signalled."""
    allowed = [*_ALLOWED, _TRUNCATE] if landlock_abi() >= 3 else _ALLOWED
    # Each step: what to do, with which number, how many steps to jump over if so and if not.
    program = [
        (_LD, _ARCH),
        (_JEQ, _X86_64, 1, 0),
        (_RET, _EPERM),
        (_LD, _NR),
        (_JGE, 0x40000000, 0, 1),  # the x32 table reaches the same calls by other numbers
        (_RET, _ENOSYS),
        *_answer(sorted(allowed), _ALLOW),
        *_answer(_NOT_THERE, _ENOSYS),
        # A read-only shared mapping of a library file gives futexes that other folds can wait on.
        *_case(
            _MMAP,
            (_LD, _LOW[3]),
            (_JSET, _MAP_ANONYMOUS, 3, 0),
            (_JSET, _MAP_SHARED, 0, 2),
            (_LD, _LOW[2]),
            (_JSET, _PROT_WRITE, 0, 1),
            (_RET, _ALLOW),
            (_RET, _EPERM),
        ),
        # Waiting on a shared futex of a library page could be felt by the fold beside. The answer
        # "the value has changed" lets an honest pthread_join look again instead of failing.
        *_case(
            _FUTEX,
            (_LD, _LOW[1]),
            (_JSET, 128, 2, 0),  # FUTEX_PRIVATE_FLAG: within this process
            (_JEQ, 1, 1, 0),  # FUTEX_WAKE
            (_JEQ, 10, 0, 1),  # FUTEX_WAKE_BITSET
            (_RET, _ALLOW),
            (_RET, _EAGAIN),
        ),
        *_one_of(_MADVISE, 2, _ADVICE),
        *_one_of(_KILL, 0, [pid]),
        *_one_of(_TGKILL, 0, [pid]),
        *_one_of(_IOCTL, 1, _IOCTLS),
        *_one_of(_FCNTL, 1, _FCNTLS),
        *_one_of(_PRCTL, 0, [_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA]),
        # Own limits may be read (no new value: both halves of the pointer are zero), none set.
        *_case(
            _PRLIMIT64,
            (_LD, _LOW[0]),
            (_JEQ, 0, 0, 5),
            (_LD, _LOW[2]),
            (_JEQ, 0, 0, 3),
            (_LD, _LOW[2] + 4),
            (_JEQ, 0, 0, 1),
            (_RET, _ALLOW),
            (_RET, _EPERM),
        ),
        # Threads, never processes or namespaces: then one kill is enough.
        *_case(
            _CLONE,
            (_LD, _LOW[0]),
            (_JSET, _CLONE_NEW_ANYTHING, 2, 0),
            (_JSET, _CLONE_THREAD, 0, 1),
            (_RET, _ALLOW),
            (_RET, _EPERM),
        ),
        (_RET, _EPERM),
    ]
    return b"".join(
        struct.pack("=HBBI", code, *(jumps or (0, 0)), value) for code, value, *jumps in program
    )


def restrict_calls(program: bytes) -> None:
    """Put a filter of `call_filter` on this process, all its threads, for good."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC): threads are covered too.
    _call(317, 1, 1, header)


def drop_capabilities() -> None:
    """Give up every capability, so that root inside the worker is an ordinary user."""
    _checked(_libc.capset(struct.pack("=Ii", 0x20080522, 0), bytes(24)), "capset")


def limit_resources(memory: int, cpu_s: int, file_bytes: int) -> None:
    """Set hard limits; `memory` is what may be added to the address space of now, in bytes."""
    with open("/proc/self/statm") as f:
        pages = int(f.read().split()[0])
    memory += pages * os.sysconf("SC_PAGE_SIZE")
    set_limits(AS=memory, CPU=cpu_s, FSIZE=file_bytes, NOFILE=256, SIGPENDING=64)
    set_limits(CORE=0, MEMLOCK=0, MSGQUEUE=0)


def set_limits(**limits: int) -> None:
    """Set limits of the module `resource` by name, hard, none above what was there."""
    import resource

    for name, value in limits.items():
        which = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends."""
    _prctl(_PR_SET_PDEATHSIG, 9)


def stop_access_times() -> None:
    """Stop reads from leaving access times, for this process and its children (root only).

    Which library files were read lately would be a message from one fold to another. An ordinary
    user may not do this; the call is then refused and nothing changes.
    """
    new_mounts, private, here, recursive = 0x20000, 1 << 18 | 1 << 14, -100, 0x8000
    no_access_times = struct.pack("QQQQ", 0x10, 0x70, 0, 0)
    with contextlib.suppress(SealError):
        _checked(_libc.unshare(ctypes.c_int(new_mounts)), "unshare")
        _checked(_libc.mount(b"none", b"/", None, ctypes.c_ulong(private), None), "mount")
        _call(442, here, b"/", recursive, no_access_times, len(no_access_times))  # mount_setattr


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, daemons included."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def kill_strangers(known: set[int]) -> None:
    """Kill every descendant of this process that does not descend from `known` (no seccomp)."""
    while strangers := _below(os.getpid(), known):
        for pid in strangers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)


def _below(top: int, known: set[int]) -> list[int]:
    """List the living descendants of a process, without `known` and what is below them."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                state, parent = f.read().rpartition(b")")[2].split()[:2]
        except OSError:
            continue
        if state != b"Z" and int(name) not in known:
            children.setdefault(int(parent), []).append(int(name))
    found = [top]
    for pid in found:
        found += children.get(pid, ())
    return found[1:]


def hide_from_debuggers() -> None:
    """Close /proc/<this process>/mem and ptrace to processes of the same user."""
    _prctl(_PR_SET_DUMPABLE, 0)

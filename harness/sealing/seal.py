"""Locks that a Linux process puts on itself: Landlock, seccomp, resource limits, no privileges.

Knows nothing of the rest of the package: it is loaded by file path inside the worker, before any
untrusted byte runs, and by the doctor, which explains what this machine offers. Only ctypes; no
root needed. Each layer stops what another leaves open: Landlock decides which files exist for the
process, seccomp which system calls, the limits how much of each resource, and dropping every
capability takes root's exceptions away.
"""

from __future__ import annotations

import ctypes
import os
import platform
import stat
import struct
import sys

# Landlock: Documentation/userspace-api/landlock.rst. The call numbers are the same on every
# architecture. Below are the rights by the ABI version that brought them.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_FS_EXECUTE, _FS_WRITE_FILE, _FS_READ_FILE, _FS_READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FS_REMOVE_DIR, _FS_REMOVE_FILE, _FS_MAKE_DIR, _FS_MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_FS_ABI_1 = (1 << 13) - 1
_FS_REFER, _FS_TRUNCATE, _FS_IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15  # ABI 2, 3, 5
_NET_BIND_TCP, _NET_CONNECT_TCP = 1 << 0, 1 << 1  # ABI 4
_SCOPE_ABSTRACT_UNIX_SOCKET, _SCOPE_SIGNAL = 1 << 0, 1 << 1  # ABI 6
READ = _FS_EXECUTE | _FS_READ_FILE | _FS_READ_DIR
SCRATCH = (
    _FS_READ_FILE
    | _FS_READ_DIR
    | _FS_WRITE_FILE
    | _FS_REMOVE_DIR
    | _FS_REMOVE_FILE
    | _FS_MAKE_DIR
    | _FS_MAKE_REG
    | _FS_TRUNCATE
)
_FILE_RIGHTS = _FS_EXECUTE | _FS_WRITE_FILE | _FS_READ_FILE | _FS_TRUNCATE

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 15, 16, 0x53564D41

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class SealError(Exception):
    """A lock that this machine offers could not be put on."""


def _call(number: int, *args) -> int:
    # Every argument as a full register: ctypes would pass a Python int as a C int.
    wide = [a if isinstance(a, ctypes._SimpleCData) else ctypes.c_long(a) for a in args]
    result = _libc.syscall(ctypes.c_long(number), *wide)
    if result < 0:
        raise SealError(f"system call {number}: {os.strerror(ctypes.get_errno())}")
    return result


def _prctl(option: int, value: int = 0) -> None:
    zero = ctypes.c_ulong(0)
    if _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero) != 0:
        raise SealError(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


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
    """Leave only these folders and files to the process, for good.

    Called twice, the second call can only take more away: what is allowed is what both allow.

    Parameters
    ----------
    read : list of str
        What may be read.
    scratch : str
        The one folder that may be written.
    """
    abi = landlock_abi()
    fs = _FS_ABI_1
    fs |= _FS_REFER if abi >= 2 else 0
    fs |= _FS_TRUNCATE if abi >= 3 else 0
    fs |= _FS_IOCTL_DEV if abi >= 5 else 0
    net = _NET_BIND_TCP | _NET_CONNECT_TCP if abi >= 4 else 0
    scope = _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL if abi >= 6 else 0
    attr = struct.pack("QQQ", fs, net, scope)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    buffer = ctypes.create_string_buffer(attr, len(attr))
    ruleset = _call(_CREATE_RULESET, ctypes.c_void_p(ctypes.addressof(buffer)), len(attr), 0)
    try:
        for path in read:
            try:
                _add_path(ruleset, path, READ & fs)
            except FileNotFoundError:
                continue  # a library went away since the list was made
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
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, fd), 12)
        _call(_ADD_RULE, ruleset, 1, ctypes.c_void_p(ctypes.addressof(rule)), 0)
    finally:
        os.close(fd)


# Seccomp: an allow-list, x86_64 numbers (arch/x86/entry/syscalls/syscall_64.tbl). What is missing
# here fails with EPERM: sockets, exec, fork, ptrace, keyrings, SysV and POSIX IPC, io_uring, file
# modes, times, owners, locks and attributes, priorities, affinities, sessions, other processes.
_ALLOWED = {
    "read": 0,
    "write": 1,
    "open": 2,
    "close": 3,
    "stat": 4,
    "fstat": 5,
    "lstat": 6,
    "poll": 7,
    "lseek": 8,
    "mprotect": 10,
    "munmap": 11,
    "brk": 12,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "pread64": 17,
    "pwrite64": 18,
    "readv": 19,
    "writev": 20,
    "access": 21,
    "pipe": 22,
    "select": 23,
    "sched_yield": 24,
    "mremap": 25,
    "msync": 26,
    "dup": 32,
    "dup2": 33,
    "pause": 34,
    "nanosleep": 35,
    "getitimer": 36,
    "alarm": 37,
    "setitimer": 38,
    "getpid": 39,
    "sendfile": 40,
    "exit": 60,
    "uname": 63,
    "fsync": 74,
    "fdatasync": 75,
    "ftruncate": 77,
    "getdents": 78,
    "getcwd": 79,
    "chdir": 80,
    "fchdir": 81,
    "rename": 82,
    "mkdir": 83,
    "rmdir": 84,
    "creat": 85,
    "unlink": 87,
    "readlink": 89,
    "umask": 95,
    "gettimeofday": 96,
    "getrlimit": 97,
    "getrusage": 98,
    "times": 100,
    "getuid": 102,
    "getgid": 104,
    "geteuid": 107,
    "getegid": 108,
    "getppid": 110,
    "getpgrp": 111,
    "getgroups": 115,
    "getresuid": 118,
    "getresgid": 120,
    "sigaltstack": 131,
    "sched_getparam": 143,
    "sched_getscheduler": 145,
    "sched_get_priority_max": 146,
    "sched_get_priority_min": 147,
    "arch_prctl": 158,
    "gettid": 186,
    "time": 201,
    "sched_getaffinity": 204,
    "epoll_create": 213,
    "getdents64": 217,
    "set_tid_address": 218,
    "clock_gettime": 228,
    "clock_getres": 229,
    "clock_nanosleep": 230,
    "exit_group": 231,
    "epoll_wait": 232,
    "epoll_ctl": 233,
    "openat": 257,
    "mkdirat": 258,
    "newfstatat": 262,
    "unlinkat": 263,
    "renameat": 264,
    "readlinkat": 267,
    "faccessat": 269,
    "pselect6": 270,
    "ppoll": 271,
    "set_robust_list": 273,
    "epoll_pwait": 281,
    "timerfd_create": 283,
    "fallocate": 285,
    "timerfd_settime": 286,
    "timerfd_gettime": 287,
    "eventfd2": 290,
    "epoll_create1": 291,
    "dup3": 292,
    "pipe2": 293,
    "getcpu": 309,
    "renameat2": 316,
    "getrandom": 318,
    "membarrier": 324,
    "copy_file_range": 326,
    "pkey_alloc": 330,
    "statx": 332,
    "rseq": 334,
    "close_range": 436,
    "faccessat2": 439,
}
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


def call_filter(pid: int) -> bytes:
    """Assemble the system-call filter; `pid` is the only process that may be signalled."""
    out: list[tuple[int, int, int, int]] = []

    def op(code: int, value: int, yes: int = 0, no: int = 0) -> None:
        out.append((code, yes, no, value))

    def low(arg: int) -> int:  # offset of the low half of a 64-bit argument
        return 16 + 8 * arg

    op(_LD, _ARCH)
    op(_JEQ, _X86_64, 1, 0)
    op(_RET, _EPERM)
    op(_LD, _NR)
    op(_JGE, 0x40000000, 0, 1)  # the x32 table reaches the same calls by other numbers
    op(_RET, _ENOSYS)
    calls = sorted(_ALLOWED.values())
    if landlock_abi() >= 3:
        calls = sorted([*calls, _TRUNCATE])
    for number in calls:
        op(_JEQ, number, 0, 1)
        op(_RET, _ALLOW)
    for number in _NOT_THERE:
        op(_JEQ, number, 0, 1)
        op(_RET, _ENOSYS)

    def one_of(number: int, arg: int, values: tuple[int, ...]) -> None:
        """Allow call `number` only if argument `arg` is one of `values`."""
        op(_JEQ, number, 0, 2 + 2 * len(values))
        op(_LD, low(arg))
        for value in values:
            op(_JEQ, value, 0, 1)
            op(_RET, _ALLOW)
        op(_RET, _EPERM)

    # A read-only shared mapping of a library file gives futexes that other folds can wait on.
    op(_JEQ, _MMAP, 0, 7)
    op(_LD, low(3))
    op(_JSET, _MAP_ANONYMOUS, 3, 0)
    op(_JSET, _MAP_SHARED, 0, 2)
    op(_LD, low(2))
    op(_JSET, _PROT_WRITE, 0, 1)
    op(_RET, _ALLOW)
    op(_RET, _EPERM)
    # Waiting on a shared futex of a library page could be felt by the fold beside. The answer
    # "the value has changed" lets an honest pthread_join look again instead of failing.
    op(_JEQ, _FUTEX, 0, 6)
    op(_LD, low(1))
    op(_JSET, 128, 2, 0)  # FUTEX_PRIVATE_FLAG: within this process
    op(_JEQ, 1, 1, 0)  # FUTEX_WAKE
    op(_JEQ, 10, 0, 1)  # FUTEX_WAKE_BITSET
    op(_RET, _ALLOW)
    op(_RET, _EAGAIN)
    one_of(_MADVISE, 2, _ADVICE)
    one_of(_KILL, 0, (pid,))
    one_of(_TGKILL, 0, (pid,))
    one_of(_IOCTL, 1, _IOCTLS)
    one_of(_FCNTL, 1, _FCNTLS)
    one_of(_PRCTL, 0, (_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA))
    # Own limits may be read (no new value: both halves of the pointer are zero), none may be set.
    op(_JEQ, _PRLIMIT64, 0, 8)
    op(_LD, low(0))
    op(_JEQ, 0, 0, 5)
    op(_LD, low(2))
    op(_JEQ, 0, 0, 3)
    op(_LD, low(2) + 4)
    op(_JEQ, 0, 0, 1)
    op(_RET, _ALLOW)
    op(_RET, _EPERM)
    # Threads, never processes or namespaces: then one kill is enough.
    op(_JEQ, _CLONE, 0, 5)
    op(_LD, low(0))
    op(_JSET, _CLONE_NEW_ANYTHING, 2, 0)
    op(_JSET, _CLONE_THREAD, 0, 1)
    op(_RET, _ALLOW)
    op(_RET, _EPERM)
    op(_RET, _EPERM)
    return b"".join(struct.pack("=HBBI", *step) for step in out)


def restrict_calls(program: bytes) -> None:
    """Put a filter of `call_filter` on this process, all its threads, for good."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    head = ctypes.create_string_buffer(header, len(header))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC): threads are covered too.
    _call(317, 1, 1, ctypes.c_void_p(ctypes.addressof(head)))


def drop_capabilities() -> None:
    """Give up every capability, so that root inside the worker is an ordinary user."""
    head = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0), 8)
    data = ctypes.create_string_buffer(24)
    if _libc.capset(head, data) != 0:
        raise SealError(f"capset: {os.strerror(ctypes.get_errno())}")


def limit_resources(memory: int, cpu_s: int, file_bytes: int) -> None:
    """Set hard limits; `memory` is what may be added to the address space of now, in bytes."""
    import resource

    with open("/proc/self/statm") as f:
        now = int(f.read().split()[0]) * resource.getpagesize()
    limits = {
        resource.RLIMIT_AS: now + memory,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 64,
    }
    for which, value in limits.items():
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
    if _libc.unshare(ctypes.c_int(new_mounts)) != 0:
        return
    if _libc.mount(b"none", b"/", None, ctypes.c_ulong(private), None) != 0:
        return
    no_access_times = ctypes.create_string_buffer(struct.pack("QQQQ", 0x10, 0x70, 0, 0), 32)
    _libc.syscall(
        ctypes.c_long(442),  # mount_setattr
        ctypes.c_int(here),
        b"/",
        ctypes.c_uint(recursive),
        no_access_times,
        ctypes.c_size_t(32),
    )


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, daemons included."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def kill_strangers(known: set[int]) -> None:
    """Kill every descendant of this process that does not descend from `known` (no seccomp)."""
    own = os.getpid()
    while True:
        parents = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/stat", "rb") as f:
                        fields = f.read().rpartition(b")")[2].split()
                except OSError:
                    continue
                if fields[0] != b"Z":
                    parents[int(name)] = int(fields[1])
        strangers = []
        for pid in parents:
            line = pid
            while line in parents and line not in known and line != own:
                line = parents[line]
            if line == own and pid != own:
                strangers.append(pid)
        if not strangers:
            return
        for pid in strangers:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass


def hide_from_debuggers() -> None:
    """Close /proc/<this process>/mem and ptrace to processes of the same user."""
    _prctl(_PR_SET_DUMPABLE, 0)

"""Pages of memory that a usual fit writes, copied ahead of need.

A forked process shares its parent's memory until it writes: the first write to each page stops the
process and copies the page. Python writes to every object that it looks at (its reference count),
so even a small fit copies some 2,000 pages, which costs more time than the fit. Which pages those
are is known beforehand: `written_by` finds them in a trial process, and `copy_ahead` lets a process
that still waits for its job copy them (madvise(2), MADV_POPULATE_WRITE, Linux 5.14). Where the
system offers less, nothing is copied ahead and the fit pays as it goes.

Like seal.py, for Linux alone and loaded by path: it knows nothing of the package.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import struct
import sys
from collections.abc import Callable

_POPULATE_WRITE = 23
_PRESENT, _OWN = 1 << 63, 1 << 56  # Documentation/admin-guide/mm/pagemap.rst
_AT_ONCE = 32  # ranges between two looks at whether the job has come: about 0.2 ms

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

Ranges = list[tuple[int, int]]  # address and length in bytes


def written_by(work: Callable[[], object]) -> Ranges:
    """Do some work in a fork of this process; list the memory it wrote, in order of addresses.

    The list is empty where the system does not tell, or where the work failed.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            work()
            reply = b"".join(struct.pack("<QQ", *part) for part in _joined(_own_pages()))
            with open(writer, "wb") as out:
                out.write(reply)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)  # nothing of the parent's is to be cleaned up
    os.close(writer)
    with open(reader, "rb") as answer:
        data = answer.read()
    os.waitpid(pid, 0)
    return list(struct.iter_unpack("<QQ", data[: len(data) // 16 * 16]))


def _own_pages() -> list[int]:
    """List the addresses of this process's pages that no other process shares."""
    size, found = mmap.PAGESIZE, []
    try:
        with open("/proc/self/maps") as maps, open("/proc/self/pagemap", "rb", 0) as pages:
            for line in maps:
                where, rights, *_ = line.split()
                if rights != "rw-p" or line.endswith("[stack]\n"):
                    continue
                low, high = (int(part, 16) for part in where.split("-"))
                pages.seek(low // size * 8)
                data = pages.read((high - low) // size * 8)
                for i, (entry,) in enumerate(struct.iter_unpack("=Q", data)):
                    if entry & _PRESENT and entry & _OWN:
                        found.append(low + i * size)
    except (OSError, struct.error):
        return []
    return found


def _joined(pages: list[int]) -> Ranges:
    """Join what lies side by side."""
    ranges: Ranges = []
    for at in pages:
        start = ranges.pop()[0] if ranges and sum(ranges[-1]) == at else at
        ranges.append((start, at + mmap.PAGESIZE - start))
    return ranges


def copy_ahead(ranges: Ranges, job_has_come: Callable[[], bool]) -> int:
    """Copy pages until all are copied or there is something better to do.

    Whether the job has come is asked every 0.2 ms or so. Returns how many ranges were reached.
    """
    for i, (at, length) in enumerate(ranges):
        if i % _AT_ONCE == 0 and job_has_come():
            return i
        # Memory that is gone by now, or a kernel that knows no such advice: no harm, no gain.
        _libc.madvise(ctypes.c_size_t(at), ctypes.c_size_t(length), _POPULATE_WRITE)
    return len(ranges)

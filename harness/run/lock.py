"""One process at a time owns a run: a lock that ends with its process, however that ends."""

import contextlib
import errno
import os
import stat
from pathlib import Path

from harness import RunError
from harness.files import lock_file, read_plain
from harness.run.words import no


def owner(lock: Path) -> int | None:
    """Return the process that may own the run now; the lock itself is left alone."""
    import psutil

    try:
        number = int(read_plain(lock))
        # A number is used again for other processes: those began after the lock was taken.
        early = psutil.Process(number).create_time() <= lock.stat().st_mtime + 1
    except (OSError, ValueError, psutil.Error):
        return None
    return number if early else None


@contextlib.contextmanager
def locked(path: Path, tag: str):
    """Hold the lock or say who has it.

    The operating system frees the lock when its process ends, so nothing stale can block. The
    file itself stays, and says which process has or had the run. Raises a RunError if another
    process (or another `Run` in this one) owns the run.
    """
    # Opened so that programs started from here do not inherit (and so keep) the lock.
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise RunError(f"{path} is not a plain file: remove it")
        _lock(file, tag)
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(file)


def _lock(file: int, tag: str) -> None:
    try:
        lock_file(file)
    except OSError as err:
        if err.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            raise no("no_lock", tag=tag, err=err.strerror) from None
        number = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
        hint = f"process {number}; wait for it, or stop it with Ctrl-C where it runs"
        if number == str(os.getpid()):
            hint = "this very process; close that run first, or restart the notebook's kernel"
        raise RunError(f"run '{tag}' is owned by {hint}") from None

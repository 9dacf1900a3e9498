"""One process at a time owns a run: a lock that ends with its process, however that ends."""

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


class RunLock:
    """Take the lock or say who has it.

    The operating system frees the lock when its process ends, so nothing stale can block. The
    file itself stays, and says which process has or had the run.

    Raises a RunError if another process (or another `Run` in this one) owns the run.
    """

    def __init__(self, path: Path, tag: str):
        # Opened so that programs started from here do not inherit (and so keep) the lock.
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            self.release()
            raise RunError(f"{path} is not a plain file: remove it")
        try:
            lock_file(self._file)
        except OSError as err:
            owner = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            self.release()
            if err.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise no("no_lock", tag=tag, err=err.strerror) from None
            if owner == str(os.getpid()):
                hint = "this very process; close that run first, or restart the notebook's kernel"
            else:
                hint = f"process {owner}; wait for it, or stop it with Ctrl-C where it runs"
            raise RunError(f"run '{tag}' is owned by {hint}") from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Give the run free."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

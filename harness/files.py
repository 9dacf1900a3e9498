"""Read and write plain files: whole or not at all, never over or out of what is something else."""

import contextlib
import errno
import json
import os
import shutil
import stat
import tomllib
from pathlib import Path

from harness import RunError

if os.name == "nt":
    import msvcrt
else:
    import fcntl

MAX_FILE = 128 * 1024**2  # bytes of what is read whole
MAX_JSON = 32 * 1024**2
_PLAINLY = sum(getattr(os, f"O_{name}", 0) for name in ("NONBLOCK", "NOFOLLOW", "BINARY"))
_BYTE = 1 << 20  # Windows locks bytes and hides them from readers: lock one far behind the text


def read_plain(path: Path | str, limit: int = -1, dir_fd: int | None = None) -> bytes:
    """Read a plain file, at most `limit` bytes; an OSError for anything else.

    A pipe in its place would never end, a link leads elsewhere, and a file made of one hole can be
    larger than any memory: without a limit, more than `MAX_FILE` bytes are an error.
    """
    handle = os.open(path, os.O_RDONLY | _PLAINLY, dir_fd=dir_fd)
    try:
        told = os.fstat(handle)
        if not stat.S_ISREG(told.st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        if limit < 0 and told.st_size > MAX_FILE:
            raise OSError(errno.EFBIG, "too large", str(path))
        with open(handle, "rb", closefd=False) as file:
            return file.read(MAX_FILE if limit < 0 else limit)
    finally:
        os.close(handle)


def read_json(path: Path | str) -> dict:
    """Read a JSON object from a plain file; a ValueError if the file holds anything else."""
    try:
        found = json.loads(read_plain(path, MAX_JSON).decode("utf-8"))
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no JSON object")
    return found


def catalogue(module: str) -> dict:
    """Read what stands beside a module as data: the TOML file of its name."""
    return tomllib.loads(Path(module).with_suffix(".toml").read_text("utf-8"))


def check_target(path: Path | str) -> Path:
    """Refuse, before any work is done, a path that could not be written when it is done.

    Raises
    ------
    RunError
        If something other than a plain file stands there, or its folder cannot be written.
    """
    text, path = os.fspath(path), Path(path)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if text.endswith(("/", os.sep)) or not stat.S_ISREG(os.lstat(path).st_mode):
            raise RunError(f"{text} is not a plain file: give another path, or remove it")
    if not path.parent.is_dir():
        raise RunError(f"{path.parent} is not a folder: make it first, or give another path")
    if not os.access(path.parent, os.W_OK):
        raise RunError(f"{path.parent} cannot be written: give another path")
    return path


@contextlib.contextmanager
def naming(path: Path):
    """Let an OSError within say which path it was about: a full disk does not."""
    try:
        yield
    except OSError as err:
        err.filename = str(path)
        raise


def lock_file(file: int) -> None:
    """Lock an open file for this process alone, or raise an OSError at once.

    The lock ends with the process, however that ends. `flock` is seen by every process of the same
    kernel, in other containers too; NFS from Linux 2.6.12 on hands it to the server. Where a file
    system keeps it to one host (some network and FUSE mounts), hosts cannot see each other's.
    """
    if os.name != "nt":
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    os.lseek(file, _BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    finally:
        os.lseek(file, 0, os.SEEK_SET)


def write_file(
    path: Path, data: bytes, scratch: Path | None = None, *, durable: bool = True
) -> None:
    """Replace a file in one move: readers see the old bytes or the new ones, never a mixture.

    Parameters
    ----------
    path : Path
        File to write.
    data : bytes
        Its whole content.
    scratch : Path, optional
        Where the new bytes are prepared, on the same file system; a hidden neighbour by default.
    durable : bool
        Whether to wait until the bytes are on the disk.

    Raises
    ------
    RunError
        If what stands there is not a plain file: a folder, a link, a device.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise RunError(f"{path} is not a plain file: give another path, or remove it")
    scratch = scratch or path.with_name(f".{path.name}.tmp")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(scratch)  # left by a crash, or a link that would lead the bytes elsewhere
    try:
        with naming(path), open(scratch, "xb") as out:
            out.write(data)
            if durable:
                out.flush()
                os.fsync(out.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(scratch)
        raise
    os.replace(scratch, path)


def restore_file(path: Path, data: bytes, scratch: Path) -> bool:
    """Make a path a plain file with these bytes, whatever stands there; say whether it was not."""
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(path.lstat().st_mode):
            remove(path)
        elif path.read_bytes() == data:
            return False
    write_file(path, data, scratch, durable=False)
    return True


def remove(path: Path) -> None:
    """Delete whatever stands there, never following a link.

    Raises
    ------
    RunError
        If it stays.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as err:
        raise RunError(f"{path} cannot be removed ({err.strerror}): remove it by hand") from None


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut (where the system can do that)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

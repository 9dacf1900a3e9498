"""Write a file whole or not at all, and never over what is not a plain file."""

import contextlib
import os
import shutil
import stat
from pathlib import Path

from harness import RunError


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
    with open(scratch, "xb") as out:
        out.write(data)
        if durable:
            out.flush()
            os.fsync(out.fileno())
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

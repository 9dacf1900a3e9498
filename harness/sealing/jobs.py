"""What goes to a worker and what comes back: a job's rows out, plain numbers in."""

from __future__ import annotations

import os
import pickle
import signal
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from harness.candidate import plain

if TYPE_CHECKING:  # a template starts before numpy is imported
    import numpy as np

LOG_BYTES = 64 * 1024  # of a candidate's output that is kept, per job
OUTPUT_LIMIT = 512 * 1024  # printing more than this ends the job: a flood is no research
FILE_LIMIT = 64 * 1024**2  # bytes in one file
REASON_LIMIT = 4096  # bytes of a reply that tells what went wrong


class SandboxError(Exception):
    """The sandbox itself failed (not the candidate); the message says what to do."""


class Job(NamedTuple):
    """One program on one fold."""

    source: bytes  # the program
    rows: Packed  # (X_train, y_train, X_new)
    n_numbers: int  # how many must come back, apart from the threshold
    kind: str = "binary"  # of the task
    n_outputs: int = 1  # numbers per row
    seed: int = 0  # for the global random generators of the worker


@dataclass(frozen=True)
class Reply:
    """What a job came to."""

    problem: str  # empty, or a status such as `crashed (reason)`
    threshold: float = 0.5  # where class 1 begins
    numbers: np.ndarray | None = None  # of shape (n_numbers,)
    log: str = ""  # what the program printed, at most `LOG_BYTES`
    cpu_s: float = float("nan")  # processor seconds of the process
    peak_mib: float = float("nan")  # its largest resident memory
    started_s: float = 0.0  # when the job began and was over, by the monotonic clock
    ended_s: float = 0.0


class Packed:
    """Rows in a form that a worker can map: on Linux a sealed memory file, elsewhere bytes."""

    def __init__(self, obj):
        buffers: list[pickle.PickleBuffer] = []
        main = pickle.dumps(obj, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(main), *(b.raw() for b in buffers)]
        at, ends, pieces = 8 + 16 * len(parts), [], []
        for part in parts:
            pieces += [bytes(-at % 64), part]  # arrays want aligned memory
            ends += [at + len(pieces[-2]), at + len(pieces[-2]) + part.nbytes]
            at = ends[-1]
        self.nbytes, self.fd, self.data = at, -1, b""
        pieces.insert(0, struct.pack(f"<Q{len(ends)}Q", len(parts), *ends))
        if not hasattr(os, "memfd_create"):
            self.data = b"".join(pieces)
            return
        import fcntl

        self.fd = os.memfd_create("rows", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with open(self.fd, "wb", closefd=False) as file:
            file.writelines(pieces)
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, seals | fcntl.F_SEAL_SEAL)

    def read(self) -> bytes:
        """Return the bytes (for workers that cannot be handed a descriptor)."""
        return os.pread(self.fd, self.nbytes, 0) if self.fd >= 0 else self.data

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self):
        self.close()


def parse_reply(reply: bytes, n_numbers: int) -> tuple[str, float, np.ndarray | None]:
    """Read what a worker sent: bytes in; a problem or "", the threshold and the numbers out."""
    if reply[:1] == b"\x01":
        kind, _, reason = reply[1:2001].decode("utf-8", "replace").partition(":")
        kind = kind if kind in ("crashed", "rejected") else "crashed"
        return f"{kind} ({plain(reason)})", 0.5, None
    body = reply[1:]
    if reply[:1] != b"\x00" or len(body) != 8 * (1 + n_numbers):
        got = f"{len(reply)} bytes, {9 + 8 * n_numbers} expected"
        return f"crashed (the worker sent no valid predictions: {got})", 0.5, None
    import numpy as np

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
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hints = {"SIGXCPU": ": processor time used up", "SIGKILL": ": out of memory, or by itself"}
    return f"crashed (the worker was ended by {name}{hints.get(name, '')})"

"""What goes to a worker and what comes back: a job's rows out, plain numbers in."""

from __future__ import annotations

import os
import pickle
import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.candidate import plain

LOG_BYTES = 64 * 1024  # of a candidate's output that is kept, per job
OUTPUT_LIMIT = 512 * 1024  # printing more than this ends the job: a flood is no research
FILE_LIMIT = 64 * 1024**2  # bytes in one file


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

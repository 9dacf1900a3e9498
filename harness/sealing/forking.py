"""The Linux pool: warm templates that fork a sealed child per job.

One thread, one selector. A child is asked for, given its job over a socket pair, read until its
numbers are complete, killed, and its scratch folder removed. Children are forked ahead of need, so
that the fork and the sealing are not on the way of a score.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness import CALL
from harness.candidate import MAX_BYTES, plain
from harness.files import read_plain
from harness.sealing.jobs import FILE_LIMIT, LOG_BYTES, Job, SandboxError
from harness.sealing.pool import LOOK_S, Pool, Worker
from harness.sealing.reach import BASE_IMPORTS, imports_for, start_worker

START_S = 120.0  # a template that is not ready by then never will be
CPU_S = 24 * 3600  # a backstop: the deadline comes first
MEMORY_LIMIT = 8 * 1024**3  # of address space beyond the template's, at most
SPARES = 6  # one score of five folds and a final fit


class _Child(Worker):
    """One forked worker."""

    def __init__(self, number: int, template: _Template, root: str):
        # A name that nobody can guess: Landlock does not stop a sibling from asking for it.
        scratch = os.path.join(root, secrets.token_hex(12))
        os.mkdir(scratch, 0o700)
        self.template = template
        self.sock, job_end = socket.socketpair()
        self.sock.setblocking(False)
        log, log_end = os.pipe()
        os.set_blocking(log, False)
        reply = self.sock.makefile("rb", buffering=0)
        super().__init__(number, scratch, reply, open(log, "rb", buffering=0))
        try:
            request = {"do": "fork", "id": number, "scratch": scratch}
            template.send(request, [job_end.fileno(), log_end])
        finally:
            job_end.close()
            os.close(log_end)

    def give(self, job: Job, budget_s: float) -> None:
        super().give(job, budget_s)
        fds = [os.memfd_create("train.py", os.MFD_CLOEXEC)]
        try:
            os.pwrite(fds[0], job.source, 0)
            # Opened anew for every child: a file position would otherwise be shared with all others
            # that were given the same descriptor.
            fds.append(os.open(f"/proc/self/fd/{job.rows.fd}", os.O_RDONLY))
            socket.send_fds(self.sock, [json.dumps(self.header).encode()], fds)
        except OSError as err:  # it ended before it was asked
            self.blame(f"crashed (the worker ended early: {err.strerror})")
        finally:
            for fd in fds:
                os.close(fd)

    def has_ended(self, notice: dict) -> None:
        """Note what the template tells of the end, and read what is still in the pipe."""
        self.usage = notice
        while len(self.log.data) < LOG_BYTES and self.log.hear():
            pass
        self.status = os.waitstatus_to_exitcode(notice["status"])

    def answered(self) -> bool:
        return self.reply.over or (self.reply.seen == self.wanted and not self.tells_error())

    def kill(self) -> None:
        self.template.send({"do": "kill", "id": self.number})

    def close(self) -> None:
        self.sock.close()
        super().close()


class _Template:
    """The trusted end of one template process; it imports, and is told later what to lock."""

    def __init__(self, extras: tuple[str, ...]):
        self.ready = False
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        imports = [*BASE_IMPORTS, *extras]
        config = {"mode": "template", "control": theirs.fileno(), "imports": imports}
        quiet = {"pass_fds": [theirs.fileno()], "cwd": "/", "stdout": subprocess.DEVNULL}
        self.process = start_worker(config, **quiet)
        theirs.close()

    def lock(self, sandbox) -> _Template:
        """Say what its children may reach."""
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        memory = int(min(MEMORY_LIMIT, whole / (sandbox.workers + 1)))
        config = {
            "read": sandbox.read,
            "roots": sandbox.roots,
            "scratch": str(sandbox.root),
            "landlock": sandbox.landlock,
            "seccomp": sandbox.seccomp,
            "limits": {"memory": memory, "cpu_s": CPU_S, "file_bytes": FILE_LIMIT},
        }
        with tempfile.TemporaryFile() as file:  # it may be longer than a message
            file.write(json.dumps(config).encode())
            file.flush()
            with contextlib.suppress(SandboxError):  # it has ended: `wait_ready` says why
                self.send({"do": "lock"}, [file.fileno()])
        return self

    def wait_ready(self, on_wait) -> None:
        self.control.settimeout(LOOK_S)
        ready, until = None, time.monotonic() + START_S
        while ready is None and time.monotonic() < until:
            if on_wait:
                on_wait()
            with contextlib.suppress(TimeoutError):
                ready = self.control.recv(65536)
        if not ready:
            self.process.kill()
            said = self.process.stderr.read().decode("utf-8", "replace").strip()
            raise SandboxError(
                f"the worker template did not start (run `{CALL} doctor`): "
                + plain(said.splitlines()[-1] if said else "no message")
            )
        self.process.stderr.close()
        self.control.setblocking(False)
        self.ready = True

    def send(self, request: dict, fds: Sequence[int] = ()) -> None:
        data = json.dumps(request).encode()
        while True:
            try:
                socket.send_fds(self.control, [data], list(fds))
                return
            except BlockingIOError:
                time.sleep(0.001)  # the template is forking; its queue will empty
            except OSError as err:
                raise SandboxError(f"the worker template has ended ({err.strerror})") from None

    def close(self) -> None:
        self.control.close()  # it kills its children and ends
        if not self.ready:
            self.process.kill()
            self.process.stderr.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()


_ahead: dict[tuple[str, ...], _Template] = {}


@contextlib.contextmanager
def head_start(program: Path):
    """Start the template of a program before this process imports what it needs itself.

    The first sandbox that is made within takes it over. Nothing is gained later, and nothing begun.
    """
    extras: tuple[str, ...] = ()
    with contextlib.suppress(OSError):
        extras = imports_for([read_plain(program, MAX_BYTES)])
    if sys.platform == "linux" and "pandas" not in sys.modules:
        _ahead[extras] = _Template(extras)
    try:
        yield
    finally:
        while _ahead:
            _ahead.popitem()[1].close()


class ForkingPool(Pool):
    """See `Sandbox`."""

    def __init__(self, sandbox):
        super().__init__(sandbox)
        self.selector = selectors.DefaultSelector()
        # Warms up while the caller does other things; `prepare` waits for it when it is needed.
        self.templates: dict[tuple[str, ...], _Template] = {}
        self._have(next(iter(_ahead), ()))

    def prepare(self, extras: tuple[str, ...]) -> None:
        """Have a template that is ready; one that has died is replaced."""
        for key, template in list(self.templates.items()):
            if template.ready and template.process.poll() is not None:
                self._drop(key)
        template = self._have(extras)
        if not template.ready:
            try:
                template.wait_ready(self.sandbox.on_wait)
            except BaseException:
                self._drop(extras)
                raise
            self.selector.register(template.control, selectors.EVENT_READ, template)

    def _have(self, extras: tuple[str, ...]) -> _Template:
        if extras not in self.templates:
            template = _ahead.pop(extras, None) or _Template(extras)
            self.templates[extras] = template.lock(self.sandbox)
        return self.templates[extras]

    def _drop(self, extras: tuple[str, ...]) -> None:
        template = self.templates.pop(extras)
        for child in [c for c in self.children.values() if c.template is template]:
            self.forget(child)
        if template.ready:
            self.selector.unregister(template.control)
        template.close()

    def start(self, number: int, extras: tuple[str, ...]) -> _Child:
        child = _Child(number, self.templates[extras], str(self.sandbox.root))
        for heard in (child.reply, child.log):
            self.selector.register(heard.pipe, selectors.EVENT_READ, heard)
        return child

    def refill(self, extras: tuple[str, ...], count: int) -> None:
        super().refill(extras, min(SPARES, count))

    def watch(self, timeout: float) -> None:
        for key, _ in self.selector.select(timeout):
            if isinstance(key.data, _Template):
                self._notices(key.data)
                continue
            key.data.hear()
            if key.data.over:
                self.selector.unregister(key.fileobj)

    def _notices(self, template: _Template) -> None:
        """Hear which children of a template have ended."""
        while True:
            try:
                data = template.control.recv(65536)
            except BlockingIOError:
                return
            if not data:
                template.process.kill()  # so that `prepare` sees at once that it is gone
                template.process.wait()
                raise SandboxError("the worker template ended unexpectedly; run the command again")
            notice = json.loads(data)
            if child := self.children.get(notice["ended"]):
                child.has_ended(notice)
                if child.where is None:  # a spare died by itself; nothing is lost
                    self.forget(child)

    def forget(self, worker: Worker) -> None:
        for heard in (worker.reply, worker.log):
            with contextlib.suppress(KeyError):  # it was at its end
                self.selector.unregister(heard.pipe)
        super().forget(worker)

    def close(self) -> None:
        for extras in list(self.templates):
            self._drop(extras)
        self.selector.close()

"""The Linux pool: warm templates that fork a sealed child per job.

One thread, one selector. A child is asked for, given its job over a socket pair, read until its
numbers are complete, killed, and its scratch folder removed. Children are forked ahead of need, so
that the fork and the sealing are not on the way of a score.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence

from harness.candidate import plain
from harness.sealing.folders import remove_tree, too_full
from harness.sealing.jobs import (
    FILE_LIMIT,
    LOG_BYTES,
    OUTPUT_LIMIT,
    Job,
    Reply,
    SandboxError,
    ended_without_reply,
    parse_reply,
)
from harness.sealing.reach import BASE_IMPORTS, WORKER, import_path, imports_for, worker_environment

START_S = 120.0  # a template that is not ready by then never will be
SPARES = 6  # one score of five folds and a final fit


class _Child:
    """One forked worker and all that is known of it."""

    def __init__(self, number: int, template: _Template, root: str):
        self.number, self.template = number, template
        # A name that nobody can guess: Landlock does not stop a sibling from asking for it.
        self.scratch = os.path.join(root, secrets.token_hex(12))
        os.mkdir(self.scratch, 0o700)
        self.sock, job_end = socket.socketpair()
        self.log_fd, log_end = os.pipe()
        os.set_blocking(self.log_fd, False)
        self.sock.setblocking(False)
        self.log, self.printed = bytearray(), 0
        self.reply, self.wanted = bytearray(), 0
        self.hung_up = False  # the reply's end of file was seen
        self.problem = ""  # set when the trusted side ends the job
        self.status: int | None = None  # wait status, once ended
        self.usage = {"cpu_s": float("nan"), "peak_kib": float("nan")}
        self.where: tuple[int, int] | None = None  # (group, job) it works on
        self.started_s = 0.0
        try:
            template.send(
                {
                    "do": "fork",
                    "id": number,
                    "scratch": self.scratch,
                    "memory": template.sandbox.memory,
                    "cpu_s": 24 * 3600 if template.cpu_s is None else template.cpu_s,
                    "file_bytes": FILE_LIMIT,
                },
                [job_end.fileno(), log_end],
            )
        finally:
            job_end.close()
            os.close(log_end)

    def give(self, job: Job, source_fd: int) -> None:
        header = {"kind": job.kind, "n_outputs": job.n_outputs, "seed": job.seed}
        self.wanted = 9 + 8 * job.n_numbers
        # Opened anew for every child: a file position would otherwise be shared with all others
        # that were given the same descriptor.
        fds = [os.open(f"/proc/self/fd/{fd}", os.O_RDONLY) for fd in (source_fd, job.rows.fd)]
        try:
            socket.send_fds(self.sock, [json.dumps(header).encode()], fds)
        finally:
            for fd in fds:
                os.close(fd)

    def close(self) -> None:
        self.sock.close()
        if self.log_fd >= 0:
            os.close(self.log_fd)
            self.log_fd = -1
        remove_tree(self.scratch)


class _Template:
    """The trusted end of one template process."""

    def __init__(self, sandbox, extras: tuple[str, ...]):
        self.sandbox, self.extras, self.cpu_s = sandbox, extras, None
        self.ready = False
        self.spares: deque[_Child] = deque()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        config = {
            "mode": "template",
            "control": theirs.fileno(),
            "path": import_path(),
            "imports": [*BASE_IMPORTS, *extras],
            "read": sandbox.read,
            "roots": sandbox.roots,
            "scratch": str(sandbox.root),
            "landlock": sandbox.landlock,
            "seccomp": sandbox.seccomp,
        }
        # -S -s -P: no site-packages hooks, no user site, no current folder on the path.
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-s", "-P", str(WORKER), json.dumps(config)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=worker_environment(),
            cwd="/",
            start_new_session=True,
        )
        theirs.close()

    def wait_ready(self) -> None:
        self.control.settimeout(START_S)
        try:
            ready = self.control.recv(65536)
        except TimeoutError:
            ready = b""
        if not ready:
            self.process.kill()
            said = self.process.stderr.read().decode("utf-8", "replace").strip()
            raise SandboxError(
                "the worker template did not start (run `ratchet doctor`): "
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
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class ForkingPool:
    """See `Sandbox`."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.templates: dict[tuple[str, ...], _Template] = {}
        self.children: dict[int, _Child] = {}
        self.next_number = 0
        self.selector = selectors.DefaultSelector()
        # Warms up while the caller does other things; `_template` waits for it when it is needed.
        self.templates[()] = _Template(sandbox, ())

    # ------------------------------------------------------------------ templates and spares

    def _template(self, extras: tuple[str, ...]) -> _Template:
        found = self.templates.get(extras)
        if found is not None and found.ready and found.process.poll() is not None:
            self._drop(found)
            found = None
        found = found or _Template(self.sandbox, extras)
        if not found.ready:
            try:
                found.wait_ready()
            except BaseException:
                self.templates.pop(extras, None)
                found.close()
                raise
            self.selector.register(found.control, selectors.EVENT_READ, found)
        self.templates[extras] = found
        return found

    def _drop(self, template: _Template) -> None:
        for child in [c for c in self.children.values() if c.template is template]:
            self._forget(child)
        if template.ready:
            self.selector.unregister(template.control)
        template.close()

    def _fork(self, template: _Template) -> _Child:
        self.next_number += 1
        child = _Child(self.next_number, template, str(self.sandbox.root))
        self.children[child.number] = child
        return child

    def _refill(self, template: _Template, count: int) -> None:
        while len(template.spares) < count:
            template.spares.append(self._fork(template))

    def _forget(self, child: _Child) -> None:
        self.children.pop(child.number, None)
        if child in child.template.spares:
            child.template.spares.remove(child)
        for fileobj in (child.sock, child.log_fd):
            try:
                self.selector.unregister(fileobj)
            except (KeyError, ValueError):
                pass
        child.close()

    # ------------------------------------------------------------------------------- running

    def run(
        self, groups: Sequence[Sequence[Job]], budget_s: float, stop_early: bool
    ) -> list[list[Reply]]:
        return _Run(self, groups, budget_s, stop_early).go()

    def close(self) -> None:
        for template in list(self.templates.values()):
            self._drop(template)
        self.templates.clear()
        self.selector.close()


class _Run:
    """One call of `Sandbox.run`."""

    def __init__(self, pool: ForkingPool, groups, budget_s: float, stop_early: bool):
        self.pool, self.groups, self.stop_early = pool, groups, stop_early
        self.budget_s = budget_s
        self.replies: list[list[Reply | None]] = [[None] * len(jobs) for jobs in groups]
        self.queue = deque((g, j) for g, jobs in enumerate(groups) for j in range(len(jobs)))
        self.deadline = [float("inf")] * len(groups)
        self.failed = [len(jobs) for jobs in groups]  # first job of a group that failed
        self.running: list[_Child] = []
        self.ending: list[_Child] = []  # answered or killed, not yet gone
        self.sources: dict[bytes, int] = {}
        self.looked_at = time.monotonic()
        self.template: dict[bytes, _Template] = {}

    def go(self) -> list[list[Reply]]:
        try:
            self._open_sources()
            while self.queue or self.running or self.ending:
                self._start_jobs()
                self._wait()
        except BaseException:
            for child in [*self.running, *self.ending]:
                self._kill(child, "crashed (stopped)")
            self._drain()
            raise
        finally:
            for fd in self.sources.values():
                os.close(fd)
        for template in set(self.template.values()):
            self.pool._refill(template, min(SPARES, max(len(jobs) for jobs in self.groups)))
        return [[r or Reply("crashed (not run)") for r in replies] for replies in self.replies]

    def _open_sources(self) -> None:
        for source in {job.source for jobs in self.groups for job in jobs}:
            fd = os.memfd_create("train.py", os.MFD_CLOEXEC)
            os.pwrite(fd, source, 0)
            self.sources[source] = fd
            self.template[source] = self.pool._template(imports_for([source]))

    def _start_jobs(self) -> None:
        while self.queue and len(self.running) < self.pool.sandbox.workers:
            g, j = self.queue.popleft()
            if j > self.failed[g]:
                self.replies[g][j] = Reply("crashed (not run: an earlier fold failed)")
                continue
            job = self.groups[g][j]
            template = self.template[job.source]
            child = template.spares.popleft() if template.spares else self.pool._fork(template)
            child.where = (g, j)
            child.started_s = time.monotonic()
            if self.deadline[g] == float("inf"):
                self.deadline[g] = time.monotonic() + self.budget_s
            self.running.append(child)
            self.pool.selector.register(child.sock, selectors.EVENT_READ, child)
            self.pool.selector.register(child.log_fd, selectors.EVENT_READ, child)
            try:
                child.give(job, self.sources[job.source])
            except OSError as err:  # it ended before it was asked; its status will tell
                child.problem = f"crashed (the worker ended early: {err.strerror})"

    def _wait(self) -> None:
        now = time.monotonic()
        next_deadline = min((self.deadline[c.where[0]] for c in self.running), default=now + 0.25)
        timeout = max(0.0, min(next_deadline - now, 0.25))
        for key, _ in self.pool.selector.select(timeout):
            if isinstance(key.data, _Template):
                self._notices(key.data)
            elif key.fileobj is key.data.sock:
                self._read_reply(key.data)
            else:
                self._read_log(key.data)
        self._settle()
        self._check_limits()

    def _read_reply(self, child: _Child) -> None:
        try:
            data = child.sock.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        child.reply += data
        errors = child.reply[:1] == b"\x01"
        if not data:
            child.hung_up = True
            self.pool.selector.unregister(child.sock)
        if len(child.reply) > max(child.wanted, 4096 if errors else 0):
            self._kill(child, "crashed (the worker sent more bytes than were asked for)")
        if not data or (not errors and len(child.reply) == child.wanted):
            self._finish(child)

    def _read_log(self, child: _Child) -> None:
        try:
            data = os.read(child.log_fd, 1 << 16)
        except (BlockingIOError, OSError):
            return
        if not data:
            self.pool.selector.unregister(child.log_fd)
            return
        child.printed += len(data)
        child.log += data[: max(0, LOG_BYTES - len(child.log))]
        if child.printed > OUTPUT_LIMIT:
            self._kill(child, f"crashed (printed more than {OUTPUT_LIMIT // 1024} KiB)")

    def _notices(self, template: _Template) -> None:
        while True:
            try:
                data = template.control.recv(65536)
            except BlockingIOError:
                return
            if not data:
                raise SandboxError("the worker template ended unexpectedly; run the command again")
            notice = json.loads(data)
            child = self.pool.children.get(notice.get("ended"))
            if child is not None:
                child.status = notice["status"]
                child.usage = notice
                if child.where is None:  # a spare died by itself; nothing is lost
                    self.pool._forget(child)

    def _finish(self, child: _Child) -> None:
        """The reply is complete, or will never be: end the process and wait for its end."""
        if child in self.running:
            self.running.remove(child)
            self.ending.append(child)
            if child.status is None:
                child.template.send({"do": "kill", "id": child.number})

    def _kill(self, child: _Child, problem: str) -> None:
        child.problem = child.problem or problem
        self._finish(child)

    def _settle(self) -> None:
        """Turn what has ended into replies."""
        for child in [c for c in self.ending if c.status is not None]:
            self._read_rest(child)
            g, j = child.where
            reply = self._reply(child, self.groups[g][j])
            self.replies[g][j] = reply
            self.ending.remove(child)
            self.pool._forget(child)
            if reply.problem and self.stop_early and j < self.failed[g]:
                self.failed[g] = j
                for other in [c for c in self.running if c.where[0] == g and c.where[1] > j]:
                    self._kill(other, "crashed (not run: an earlier fold failed)")
        for child in [c for c in self.running if c.status is not None and c.hung_up]:
            self._finish(child)

    def _read_rest(self, child: _Child) -> None:
        while child.log_fd >= 0 and len(child.log) < LOG_BYTES:
            try:
                data = os.read(child.log_fd, 1 << 16)
            except (BlockingIOError, OSError):
                return
            if not data:
                return
            child.printed += len(data)
            child.log += data[: LOG_BYTES - len(child.log)]

    def _reply(self, child: _Child, job: Job) -> Reply:
        problem, threshold, numbers = child.problem, 0.5, None
        if not problem:
            if child.reply:
                problem, threshold, numbers = parse_reply(bytes(child.reply), job.n_numbers)
            else:
                problem = ended_without_reply(os.waitstatus_to_exitcode(child.status))
        return Reply(
            problem,
            threshold,
            None if problem else numbers,
            child.log.decode("utf-8", "replace"),
            child.usage["cpu_s"],
            child.usage["peak_kib"] / 1024,
            child.started_s,
            time.monotonic(),
        )

    def _check_limits(self) -> None:
        now = time.monotonic()
        if self.pool.sandbox.cancelled.is_set():
            self.pool.sandbox.cancelled.clear()
            raise KeyboardInterrupt
        for child in list(self.running):
            if now >= self.deadline[child.where[0]]:
                self._time_out(child.where[0])
        if now - self.looked_at > 0.25:
            self.looked_at = now
            for child in list(self.running):
                if too_full(child.scratch):
                    self._kill(child, "crashed (filled its scratch folder)")

    def _time_out(self, g: int) -> None:
        text = f"timeout (over {self.budget_s:g} s)"
        for child in [c for c in self.running if c.where[0] == g]:
            self._kill(child, text)
        for at in [at for at in self.queue if at[0] == g]:
            self.queue.remove(at)
            self.replies[g][at[1]] = Reply(text)

    def _drain(self) -> None:
        """After an interruption: wait until the killed are gone, then forget them."""
        until = time.monotonic() + 5
        try:
            while self.ending and time.monotonic() < until:
                for key, _ in self.pool.selector.select(0.1):
                    if isinstance(key.data, _Template):
                        self._notices(key.data)
                    elif key.fileobj is not key.data.sock:
                        self._read_log(key.data)
                    else:
                        self.pool.selector.unregister(key.data.sock)
                self._settle()
        except SandboxError:
            pass
        for child in [*self.running, *self.ending]:
            self.pool._forget(child)

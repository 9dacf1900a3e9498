"""The untrusted side: the only module that ever runs a candidate's code.

Started as a script by the sandbox, never imported by the trusted side. It knows nothing of the rest
of the package but three neighbours that it loads by path. The process that runs a candidate holds
no labels but those of the training rows of one job, and ends with that job.

Two ways to run:

* ``template`` (Linux): a process that imports what candidates may use, once, and forks a fresh
  child for every job. The template itself never sees a candidate or a row of data. A child gives
  up files, processes and rights before it takes its job, and system calls before it runs the
  candidate.
* ``once`` (elsewhere): one process, one job, warmed up while it waits. It has limits on POSIX, but
  neither Landlock nor seccomp: the labels are not sent, yet nothing keeps a program from looking
  for the data file. The score is safe from accident there, not from intent (THREATS.md).

Either way a job is a program and three tables, ``(X_train, y_train, X_new)``. Its numbers go back
as raw float64, never as objects.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import linecache
import mmap
import os
import pickle
import select
import signal
import socket
import struct
import sys
import traceback
import types
import warnings

OK, ERROR = b"\x00", b"\x01"
REASON_BYTES = 2000
JOB_FD = 3
IDLE_S = 0.05  # without a request, until a template looks which memory a job writes


def load_neighbour(name: str):
    """Load a module beside this one by path: the package itself is not importable in here."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


warmup = load_neighbour("warmup")


# ---------------------------------------------------------------------------- the candidate


class BadCandidate(Exception):
    """The program breaks the contract of train.py; the message is the one-line reason."""


def run_candidate(source: bytes, job: dict, X_train, y_train, X_new) -> bytes:
    """Fit a candidate on one job's rows and give back its numbers.

    They are float64, little endian: the threshold where class 1 begins, then ``n_rows * n_outputs``
    in row order.
    """
    import numpy as np

    module = types.ModuleType("train")
    module.__file__ = "train.py"
    sys.modules["train"] = module
    text = source.decode("utf-8")
    linecache.cache["train.py"] = (len(text), None, text.splitlines(True), "train.py")
    exec(compile(text, "train.py", "exec"), module.__dict__)
    for name in ("feature_fn", "build_pipeline"):
        if not callable(getattr(module, name, None)):
            raise BadCandidate(f"train.py has no function {name}")
    n_train, n_new = len(X_train), len(X_new)
    F_train = _features(module, X_train, n_train)
    F_new = _features(module, X_new, n_new)
    model = module.build_pipeline()
    if isinstance(model, type) or not hasattr(model, "fit"):
        raise BadCandidate("build_pipeline did not return an estimator with fit")
    model.fit(F_train, y_train)
    values, threshold = _respond(model, F_new, job["kind"], job["n_outputs"])
    values = np.ascontiguousarray(values, dtype="<f8")
    if values.size != n_new * job["n_outputs"]:
        raise BadCandidate(f"predictions have shape {values.shape} for {n_new} rows")
    return struct.pack("<d", threshold) + values.tobytes()


def _features(module, X, n_rows: int):
    before = X.index
    table = module.feature_fn(X)
    shape = getattr(table, "shape", None)
    found = shape[0] if shape else len(table) if hasattr(table, "__len__") else None
    if found != n_rows:
        raise BadCandidate(f"feature_fn returned {found} rows for {n_rows}")
    after = getattr(table, "index", None)  # of a table; a list has a method of this name
    if hasattr(after, "equals") and not after.equals(before) and set(after) == set(before):
        # The labels stay where they are: each row would learn, and get, another row's.
        raise BadCandidate("feature_fn put the rows in another order: end it with .loc[X.index]")
    return table


def _respond(model, F, kind: str, n_outputs: int):
    """Take the numbers that the metric needs, and the threshold of class 1."""
    import numpy as np

    def numbers(method: str):
        return np.asarray(getattr(model, method)(F), dtype=np.float64)

    if kind == "regression":
        return numbers("predict"), 0.0
    if hasattr(model, "predict_proba"):
        proba = numbers("predict_proba")
        classes = [int(c) for c in getattr(model, "classes_", range(max(n_outputs, 2)))]
        if kind == "binary":
            if proba.ndim == 2 and proba.shape[1] == len(classes) and 1 in classes:
                proba = proba[:, classes.index(1)]
            return proba, 0.5
        full = np.zeros((len(proba), n_outputs))
        full[:, classes] = proba  # a class that is missing among the training rows gets 0
        return full, 0.5
    if kind == "binary" and hasattr(model, "decision_function"):
        return numbers("decision_function"), 0.0
    needed = "predict_proba" if kind == "multiclass" else "predict_proba or decision_function"
    raise BadCandidate(f"the estimator has no {needed}")


def one_line(err: BaseException) -> str:
    """Describe an exception in one line."""
    try:
        text = str(err)
    except BaseException:
        text = "(no message)"
    if isinstance(err, BadCandidate):
        return text
    if isinstance(err, SystemExit):
        return f"the program ended itself with SystemExit {text}".rstrip()
    first = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return f"{type(err).__name__}: {first}" if first else type(err).__name__


def answer(source: bytes, job: dict, rows) -> bytes:
    """Run the candidate, whatever it does, and put its numbers or the reason into one reply."""
    try:
        return OK + run_candidate(source, job, *rows)
    except BadCandidate as err:
        kind, reason = "rejected", one_line(err)
    except BaseException as err:
        _print_traceback(err)
        kind, reason = "crashed", one_line(err)
    return ERROR + f"{kind}:{reason}".encode("utf-8", "replace")[:REASON_BYTES]


def _print_traceback(err: BaseException) -> None:
    """Print it from the candidate's first frame on; the frames above are the harness's."""
    with contextlib.suppress(BaseException):
        tb = err.__traceback__
        while tb is not None and tb.tb_frame.f_code.co_filename != "train.py":
            tb = tb.tb_next
        traceback.print_exception(type(err), err, tb or err.__traceback__, limit=-20)
        sys.stderr.flush()


def unpack(buffer):
    """Rebuild what the trusted side packed: pickle 5, its buffers lying in `buffer`."""
    view = memoryview(buffer)
    (n_parts,) = struct.unpack_from("<Q", view)
    ends = struct.unpack_from(f"<{2 * n_parts}Q", view, 8)
    parts = [view[ends[2 * i] : ends[2 * i + 1]] for i in range(n_parts)]
    return pickle.loads(parts[0], buffers=parts[1:])


def first_fit() -> None:
    """Run a program of our own on made-up rows: first calls import and cache a good deal."""
    if "sklearn.linear_model" not in sys.modules:
        return  # not here: the candidate will be told itself
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job = {"kind": "binary", "n_outputs": 1}
        run_candidate(warmup.FIRST_PROGRAM, job, *warmup.first_rows())
    del sys.modules["train"], linecache.cache["train.py"]


def send(fd: int, reply: bytes) -> None:
    """Write all of a reply."""
    while reply:
        reply = reply[os.write(fd, reply) :]


# ------------------------------------------------------------------------- template and children


def socket_of(fd: int, kind: int) -> socket.socket:
    """Make a socket of a descriptor without asking the system, which sandboxes around us refuse."""
    return socket.socket(socket.AF_UNIX, kind, 0, fileno=fd)


class Template:
    """A warm process that forks one sealed child per job.

    Its `config` has ``control`` (the socket to the trusted side) and ``imports``; when these are
    done the trusted side sends the rest: ``landlock``, ``seccomp`` (which locks to put on),
    ``read`` (what may be read, to the letter: the template's own lock, which its children inherit),
    ``roots`` (the same in few words, cheap enough for every child's second lock, which also closes
    the other children's folders and every process but itself), ``scratch`` (the folder of all
    scratch folders), ``limits`` (as `seal.limit_resources` takes them).
    """

    def __init__(self, config: dict):
        self.config = config
        self.seal, self.prefault = load_neighbour("seal"), load_neighbour("prefault")
        self.control = socket_of(config["control"], socket.SOCK_SEQPACKET)
        self.children: dict[int, int] = {}  # process id -> job id
        self.written: list[tuple[int, int]] | None = None  # memory that a job will write
        self.wake_r, self.wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> None:
        """Fork, kill and reap on request until the trusted side hangs up."""
        self.warm_up()
        self.tell({"ready": True})
        while True:
            wait_s = IDLE_S if self.written is None else None
            ready, _, _ = select.select([self.control, self.wake_r], [], [], wait_s)
            if not ready:  # time for what makes later jobs faster, and would delay the first
                self.written = self.prefault.written_by(first_fit)
            if self.wake_r in ready:
                os.read(self.wake_r, 4096)
                self.reap()
            if self.control in ready and not self.obey():
                break
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)

    def warm_up(self) -> None:
        """Have all that children will share: libraries, the first lock, memory that is frozen."""
        self.seal.die_with_parent()
        self.seal.adopt_orphans()
        warmup.import_all(self.config["imports"])
        warmup.thread_semaphores()
        first_fit()
        _, fds, _, _ = socket.recv_fds(self.control, 4096, 1)
        if not fds:
            os._exit(0)  # the trusted side needs no worker
        with open(fds[0], "rb") as file:
            file.seek(0)
            self.config |= json.load(file)
        self.seal.stop_access_times()
        if self.config["landlock"]:
            self.seal.restrict_files([*self.config["read"], "/proc"], self.config["scratch"])
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_w, warn_on_full_buffer=False)
        gc.collect()
        gc.freeze()
        gc.disable()

    def tell(self, notice: dict) -> None:
        """Send one message: written, as Codex's sandbox refuses `socket.send`."""
        os.write(self.control.fileno(), json.dumps(notice).encode())

    def obey(self) -> bool:
        """Carry out one request; False when the trusted side is gone."""
        data, fds, _, _ = socket.recv_fds(self.control, 65536, 2)
        if not data:
            return False
        request = json.loads(data)
        if request["do"] == "kill":
            for pid, job_id in self.children.items():
                if job_id == request["id"]:
                    os.kill(pid, signal.SIGKILL)  # not reaped yet: the number is still ours
            return True
        pid = os.fork()
        if pid == 0:
            self.be_child(request, *fds)
        self.children[pid] = request["id"]
        for fd in fds:
            os.close(fd)
        return True

    def reap(self) -> None:
        """Report every child that has ended."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if not self.config["seccomp"]:
                self.seal.kill_strangers(set(self.children) - {pid})
            if pid not in self.children:
                continue  # an orphan of a job, adopted and ended
            cpu_s = usage.ru_utime + usage.ru_stime
            notice = {"status": status, "cpu_s": cpu_s, "peak_kib": usage.ru_maxrss}
            notice["ended"] = self.children.pop(pid)
            self.tell(notice)

    def be_child(self, request: dict, job_fd: int, log_fd: int) -> None:
        """Lock this fresh process in, take one job, answer it, end. Never returns."""
        code = 70
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            gc.enable()  # what the template had is frozen; the candidate's own cycles are collected
            self.lock_in(request["scratch"], job_fd, log_fd)
            sock = socket_of(JOB_FD, socket.SOCK_STREAM)
            calls = self.seal.call_filter(os.getpid()) if self.config["seccomp"] else b""
            written = self.written or []
            self.prefault.copy_ahead(written, lambda: select.select([sock], [], [], 0)[0])
            job, source, rows = take_job(sock)
            warmup.seed_everything(job["seed"])
            if calls:
                self.seal.restrict_calls(calls)
            send(JOB_FD, answer(source, job, rows))
            code = 0
        except BaseException as err:
            os.write(2, f"worker: {type(err).__name__}: {err}\n".encode("utf-8", "replace"))
        finally:
            os._exit(code)

    def lock_in(self, scratch: str, job_fd: int, log_fd: int) -> None:
        """Give up all but the job, the log and the scratch folder; system calls come last."""
        parent = os.getppid()
        os.setsid()
        self.seal.die_with_parent()
        if os.getppid() != parent:
            os._exit(70)
        os.dup2(log_fd, 1)
        os.dup2(log_fd, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        warmup.quiet_environment(scratch)
        self.seal.limit_resources(**self.config["limits"])
        if self.config["landlock"]:
            self.seal.restrict_files([*self.config["roots"], "/proc/self"], scratch)
        self.seal.drop_capabilities()
        os.dup2(job_fd, JOB_FD)  # last, since descriptor 3 may have been one of the above
        os.closerange(JOB_FD + 1, 256)


_KEPT: list[mmap.mmap] = []


def take_job(sock: socket.socket):
    """Wait for the job: a small header, and two descriptors, the program and the rows."""
    header, fds, _, _ = socket.recv_fds(sock, 65536, 2)
    if not header:
        os._exit(0)  # the trusted side needs no more workers
    source_fd, rows_fd = fds
    job = json.loads(header)
    source = os.pread(source_fd, os.fstat(source_fd).st_size, 0)
    # A private mapping: the candidate may write into its arrays, nobody else will see it.
    rows = mmap.mmap(rows_fd, 0, access=mmap.ACCESS_COPY)
    # The mapping keeps a descriptor of its own: closed as well, and the mapping kept for good, so
    # that it will not close a number that has come to mean something else.
    os.closerange(JOB_FD + 1, 256)
    _KEPT.append(rows)
    sock.detach()
    return job, source, unpack(rows)


def once(imports: list[str]) -> None:
    """Answer one job whose header comes on standard input (where forking is not safe)."""
    warmup.import_all(imports)
    first_fit()
    header = sys.stdin.buffer.readline()
    if not header.strip():
        return  # the trusted side needs no more workers
    job = json.loads(header)
    with open(job["source"], "rb") as program, open(job["rows"], "rb") as tables:
        source, rows = program.read(), unpack(bytearray(tables.read()))
    os.remove(job["source"])
    os.remove(job["rows"])
    reply_fd = os.dup(1)
    os.dup2(2, 1)
    warmup.quiet_environment(job["scratch"])
    if os.name == "posix":
        limits = {"CORE": 0, "CPU": job["cpu_s"], "FSIZE": job["file_bytes"]}
        load_neighbour("seal").set_limits(**limits)
    warmup.seed_everything(job["seed"])
    send(reply_fd, answer(source, job, rows))
    os._exit(0)


def main() -> None:
    """Run as the sandbox asks."""
    config = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = config["path"]
    if config["mode"] == "template":
        Template(config).serve()
    else:
        once(config["imports"])


if __name__ == "__main__":
    main()

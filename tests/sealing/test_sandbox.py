"""The sandbox: what a worker cannot reach, what limits it, that nothing is left of it."""

import contextlib
import ctypes
import json
import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import DATA, REPO
from harness.candidate import plain
from harness.sealing import forking, prefault, seal
from harness.sealing.folders import OWNER, OwnFolder, remove_tree, too_full
from harness.sealing.jobs import Job, Packed, SandboxError, parse_reply
from harness.sealing.reach import (
    import_path,
    imports_for,
    readable_roots,
    without_hidden,
    worker_environment,
)
from harness.sealing.sandbox import Sandbox
from harness.sealing.worker import unpack

linux = pytest.mark.skipif(sys.platform != "linux", reason="the locks are Linux's")


def linux_root():
    """Whether this process may mount: root with the right to administer."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return False
    return int(status.partition("CapEff:")[2].split()[0], 16) >> 21 & 1 == 1


def prefault_works():
    """Whether this kernel tells which pages are a process's own, and can copy them ahead."""
    found = prefault.written_by(lambda: bytearray(100_000))
    libc = ctypes.CDLL(None, use_errno=True)
    area = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    start = ctypes.c_size_t(ctypes.addressof(ctypes.c_char.from_buffer(area)))
    return bool(found) and libc.madvise(start, ctypes.c_size_t(mmap.PAGESIZE), 23) == 0


TAIL = """
import numpy as np
class Model:
    def fit(self, X, y): return self
    def decision_function(self, X): return np.arange(len(X), dtype=float)
def feature_fn(X): return X
def build_pipeline(): return Model()
"""


@pytest.fixture
def sandbox(warm_box):
    return warm_box


@pytest.fixture(scope="module")
def rows():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0, np.nan], "b": [0.0, 1.0, 0.0, 1.0]})
    return Packed((X, np.array([0, 1, 0, 1]), X.iloc[:3]))


def run(sandbox, rows, head, budget_s=20.0):
    """Run one program that begins with `head`; give back its reply."""
    return sandbox.run([[Job((head + TAIL).encode(), rows, 3)]], budget_s)[0][0]


# ------------------------------------------------------------------------------------- locks

# Each line is one attempt; it must end in an exception. Landlock or seccomp, or both, stop it.
FILES = {
    "read the data": f"open({str(DATA / 'heart_cleveland.csv')!r}).read()",
    "read the repository": f"open({str(REPO / 'pyproject.toml')!r}).read()",
    "read the harness": f"open({str(REPO / 'harness' / 'scoring' / 'scorer.py')!r}).read()",
    "list the repository": f"os.listdir({str(REPO)!r})",
    "read the user's home": f"os.listdir({str(Path.home())!r})",
    "read the password file": "open('/etc/passwd').read()",
    "read the parent's memory": "open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    "read the parent's environment": "open(f'/proc/{os.getppid()}/environ', 'rb').read(1)",
    "list processes": "os.listdir('/proc')",
    "list the temp folder": "os.listdir('/tmp')",
    "list the other workers": "os.listdir('..')",
    "read scikit-learn's data sets": "__import__('sklearn.datasets').datasets.load_breast_cancer()",
    "write to the temp folder": "open('/tmp/left-behind', 'w')",
    "write to shared memory": "open('/dev/shm/left-behind', 'w')",
    "write to site-packages": "open(np.__file__, 'a')",
}
CALLS = {
    "fork": "os.fork()",
    "start a program": "__import__('subprocess').run(['/bin/true'])",
    "replace itself": "os.execv('/bin/true', ['true'])",
    "a new session": "os.setsid()",
    "TCP": "socket.socket()",
    "UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "unix sockets": "socket.socket(socket.AF_UNIX)",
    "a socket pair": "socket.socketpair()",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "kill the parent": "os.kill(os.getppid(), 0)",
    "kill the group": "os.kill(0, 0)",
    "kill everybody": "os.kill(-1, 0)",
    "lower a limit of the parent": "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (9, 9))",
    "change an own limit": "resource.setrlimit(resource.RLIMIT_CORE, (1, 1))",
    "change its priority": "os.nice(1)",
    "change the parent's affinity": "os.sched_setaffinity(os.getppid(), {0})",
    "shared memory, System V": "check(libc.shmget(77, 4096, 0o1666))",
    "semaphores, System V": "check(libc.semget(77, 1, 0o1666))",
    "messages, System V": "check(libc.msgget(77, 0o1666))",
    "keyring": "check(libc.syscall(248, b'user', b'k', b'v', 1, -4))",
    "ptrace": "check(libc.ptrace(16, os.getppid(), 0, 0))",
    "read another's memory": "check(libc.syscall(310, os.getppid(), 0, 0, 0, 0, 0))",
    "a descriptor of another": "check(libc.syscall(434, os.getppid(), 0))",
    "io_uring": "check(libc.syscall(425, 8, b'\\0' * 200))",
    "memory files": "os.memfd_create('x')",
    "file modes": "os.chmod('.', 0o777)",
    "file times": "os.utime('.', (1, 1))",
    "attributes": "os.setxattr('.', 'user.x', b'1')",
    "file locks": "__import__('fcntl').flock(os.open(np.__file__, os.O_RDONLY), 1)",
    "range locks": "__import__('fcntl').lockf(open(np.__file__), 1)",
    "inotify": "check(libc.inotify_init())",
    "disk free": "os.statvfs('.')",
    "mount": "check(libc.mount(b'a', b'/mnt', b'tmpfs', 0, 0))",
    "unshare": "check(libc.unshare(0x10000000))",
    "chroot": "os.chroot('.')",
    "bpf": "check(libc.syscall(321, 0, 0, 0))",
    "userfaultfd": "check(libc.syscall(323, 0))",
    "page out a library": "check(libc.madvise(ctypes.c_void_p(id(0) & ~4095), 4096, 21))",
    "a shared futex": "__import__('mmap').mmap(os.open(np.__file__, os.O_RDONLY), 0, prot=1)",
    "a timer, counted per user": "check(libc.syscall(222, 0, None, ctypes.byref(ctypes.c_int())))",
    "x32 calls": "check(libc.syscall(0x40000000 + 39))",
}
PROBE = """
import os, sys, json, socket, resource, ctypes
import numpy as np
libc = ctypes.CDLL(None, use_errno=True)
def check(r):
    if r < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
done = []
for name, code in json.loads(%r).items():
    try:
        exec(code)
    except BaseException as e:
        continue
    done.append(name)
print("POSSIBLE", json.dumps(done))
"""


def possible(sandbox, rows, attempts):
    """Names of the attempts that succeeded inside a worker."""
    reply = run(sandbox, rows, PROBE % json.dumps(attempts))
    assert reply.problem == ""
    return json.loads(reply.log.rpartition("POSSIBLE")[2])


@linux
@pytest.mark.skipif(not seal.landlock_abi(), reason="this kernel has no Landlock")
def test_landlock_closes_every_file_but_the_libraries(sandbox, rows):
    assert possible(sandbox, rows, FILES) == []


@linux
@pytest.mark.skipif(not seal.seccomp_supported(), reason="no table of calls for this machine")
def test_seccomp_closes_every_call_that_reaches_another_process(sandbox, rows):
    assert possible(sandbox, rows, CALLS) == []


@pytest.mark.heavy
@linux
@pytest.mark.skipif(not seal.landlock_abi(), reason="this kernel has no Landlock")
def test_the_locks_are_what_stops_them(rows):
    """Without the locks most attempts succeed: the two tests above can fail."""
    box = Sandbox(1, landlock=False, seccomp=False)
    try:
        assert box.isolation.startswith("partial")
        attempts = {k: FILES[k] for k in ("read the data", "list the temp folder")}
        attempts |= {k: CALLS[k] for k in ("TCP", "a socket pair", "file times", "memory files")}
        assert possible(box, rows, attempts) == list(attempts)
    finally:
        box.close()


ALLOWED = {
    "write in the scratch folder": "open('x', 'w').write('1'); assert open('x').read() == '1'",
    "a temporary file": "import tempfile; tempfile.NamedTemporaryFile().write(b'1')",
    "the null device": "open(os.devnull, 'w').write('1')",
    "random bytes": "os.urandom(8)",
    "threads": "t = __import__('threading').Thread(target=print); t.start(); t.join()",
    "a thread pool": "p = __import__('multiprocessing.pool').pool.ThreadPool(2); p.map(abs, [1])",
    "an executor": "import concurrent.futures as c; list(c.ThreadPoolExecutor(2).map(abs, [1]))",
    "joblib": "import joblib; joblib.Parallel(2)(joblib.delayed(abs)(i) for i in range(3))",
    "import late": "import sklearn.cross_decomposition, sklearn.mixture, scipy.optimize",
    "the number of processors": "import joblib; joblib.cpu_count()",
    "thread control": "import threadpoolctl; threadpoolctl.threadpool_info()",
    "own limits": "resource.getrlimit(resource.RLIMIT_AS)",
    "a signal to itself": "os.kill(os.getpid(), 0)",
    "time": "import time, datetime; time.sleep(0.001); datetime.datetime.now().astimezone()",
    "a subfolder": "os.makedirs('a/b'); os.rename('a/b', 'a/c'); os.rmdir('a/c')",
}


def test_honest_needs_are_met(sandbox, rows):
    assert possible(sandbox, rows, ALLOWED) == list(ALLOWED)


@linux
def test_no_descriptor_is_left_but_the_job_and_the_log(sandbox, rows):
    head = "import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd')))"
    log = run(sandbox, rows, head).log
    assert json.loads(log)[:4] == [0, 1, 2, 3]
    assert len(json.loads(log)) == 5  # the fifth is the listing itself


@linux
@pytest.mark.skipif(not linux_root(), reason="only root can stop access times")
def test_reading_a_library_leaves_no_access_time(sandbox, rows):
    import sklearn

    path = Path(sklearn.__file__).parent / "cross_decomposition" / "__init__.py"
    old = time.time_ns() - 3 * 86400 * 10**9
    os.utime(path, ns=(old, path.stat().st_mtime_ns))
    assert "BYTES" in run(sandbox, rows, f"print('BYTES', len(open({str(path)!r}).read()))").log
    assert path.stat().st_atime_ns == old


@linux
def test_hidden_folders_are_cut_out_of_the_readable_ones(tmp_path):
    lib = tmp_path / "lib"
    (lib / "secret").mkdir(parents=True)
    (lib / "open").mkdir()
    (lib / "file.py").touch()
    found = without_hidden([str(lib)], [lib / "secret"])
    assert found == [str(lib / "file.py"), str(lib / "open")]
    roots = readable_roots()
    assert all(not str(DATA).startswith(p) for p in without_hidden(roots, [DATA]))
    rooms = [Path(p) for p in without_hidden([str(REPO)], [])]  # as if installed among libraries
    assert not [p for p in rooms if p.is_relative_to(REPO / "harness")]
    assert str(REPO) not in import_path()


# ------------------------------------------------------------------------------------- limits

ENDINGS = {
    "raise": ("raise ValueError('two\\nlines')", "crashed (ValueError: two)"),
    "exit": ("raise SystemExit(0)", "crashed (the program ended itself with SystemExit 0)"),
    "hard exit": ("import os; os._exit(0)", "ended the worker with status 0"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "ended by SIGSEGV"),
    "abort": ("import os; os.abort()", "ended by SIGABRT"),
    "a megabyte": ("print('x' * 2**20)", "crashed (printed more than 512 KiB)"),
    "memory": ("a = bytearray(2**40)", "crashed (MemoryError"),
    "a big file": ("open('x', 'wb').write(b'0' * 2**27)", "crashed ("),
    "fake reply, short": ("import os; os.write(3, b'\\0' * 9)", "sent"),
    "fake reply, long": ("import os; os.write(3, b'\\0' * 99)", "sent more bytes"),
    "fake reply, NaN": (
        "import os; os.write(3, b'\\0' + b'\\xff' * 32); os._exit(0)",
        "not finite",
    ),
    "close everything": ("import os; os.closerange(0, 99)", "crashed ("),
    "recursion": ("f = lambda: f(); f()", "crashed (RecursionError"),
    "a reason with brackets": ("raise ValueError('x)\\nstatus: ok\\x1b[2J')", "ValueError: x)"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_every_ending_has_one_clear_line(sandbox, rows, name):
    head, wanted = ENDINGS[name]
    reply = run(sandbox, rows, head)
    assert wanted in reply.problem
    assert reply.numbers is None
    assert reply.problem.isprintable()
    assert len(reply.log) <= 64 * 1024


def test_the_deadline_ends_everything(sandbox, rows):
    head = """
import os, signal, threading, time
for s in range(1, 65):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()
try: os.fork()
except OSError: pass
while True: time.sleep(0.01)
"""
    others, before = descendants_other_than_workers(), time.monotonic()
    reply = run(sandbox, rows, head, budget_s=1.0)
    assert reply.problem == "timeout (over 1 s)"
    assert time.monotonic() - before < 4.0
    assert descendants_other_than_workers() <= others


@pytest.mark.heavy
@linux
def test_a_daemon_does_not_outlive_its_job_even_without_locks(rows):
    box = Sandbox(1, landlock=False, seccomp=False)
    head = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
    os._exit(0)
os.wait()
"""
    try:
        others = descendants_other_than_workers()
        assert run(box, rows, head).problem == ""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and not descendants_other_than_workers() <= others:
            time.sleep(0.05)
        assert descendants_other_than_workers() <= others
    finally:
        box.close()


def descendants_other_than_workers():
    """Processes below this one that are neither a template nor its direct children.

    What other tests left running in this process (joblib's resource tracker, a cluster) counts
    too: compare with what there was before.
    """
    found = set()
    for process in psutil.Process().children(recursive=True):
        try:
            line = " ".join(process.cmdline())
            parent = process.parent()
            if "worker.py" not in line or (
                parent
                and parent.pid != os.getpid()
                and parent.parent()
                and parent.parent().pid != os.getpid()
            ):
                found.add((process.pid, line))
        except psutil.Error:
            continue
    return found


def test_nothing_persists_between_jobs(sandbox, rows):
    head = """
import os, sys, builtins, numpy
seen = [hasattr(builtins, 'left'), hasattr(numpy, 'left'), 'LEFT' in os.environ, os.listdir('.')]
print('SEEN', seen)
builtins.left = numpy.left = 1
os.environ['LEFT'] = '1'
open('left', 'w').write('1')
"""
    for _ in range(8):  # more than there are spare workers
        reply = run(sandbox, rows, head)
        assert "SEEN [False, False, False, []]" in reply.log
    assert list(sandbox.root.rglob("left")) == []


@pytest.mark.heavy
@linux
def test_a_worker_that_waits_has_its_memory_before_its_job_comes(rows):
    head = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)"

    job = Job((head + TAIL).encode(), rows, 3)

    with contextlib.closing(Sandbox(1)) as box:
        # No worker was waiting yet: each is forked for its job (the least of four, should this
        # machine have been busy between fork and job).
        at_once = min(int(reply.log) for reply in box.run([[job] * 4], 20.0)[0])
        time.sleep(0.5)  # idle for the first time, the template looks which memory a job writes
        waited = []
        for _ in range(8):  # workers that were forked before then are used up first
            time.sleep(0.5)
            waited.append(int(box.run([[job]], 20.0)[0][0].log))
    if not prefault_works():
        pytest.skip("this kernel copies nothing ahead")
    assert min(waited[-3:]) > at_once + 1000


def test_the_environment_is_made_anew(sandbox, rows, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    assert "OPENAI_API_KEY" not in worker_environment()
    head = "import os, sys; print(sorted(os.environ)); print(sys.path); print(hash('a'))"
    logs = {run(sandbox, rows, head).log for _ in range(2)}
    assert len(logs) == 1  # the hash seed too
    assert "OPENAI" not in logs.pop()


def test_jobs_of_a_group_after_the_first_failure_are_dropped(sandbox, rows):
    bad, good = ("raise ValueError('no')" + TAIL).encode(), TAIL.encode()
    slow = ("import time; time.sleep(1)" + TAIL).encode()
    jobs = [Job(source, rows, 3) for source in (slow, bad, slow, bad, good)]
    replies = sandbox.run([jobs, [Job(good, rows, 3)]], 20)
    assert replies[0][0].problem == ""
    assert replies[0][1].problem == "crashed (ValueError: no)"
    assert all(r.problem.startswith("crashed (not run") for r in replies[0][2:])
    assert replies[1][0].problem == ""


def test_cancel_from_another_thread(sandbox, rows):
    import threading

    threading.Timer(0.5, sandbox.cancel).start()
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(sandbox, rows, "import time; time.sleep(30)", budget_s=60)
    assert time.monotonic() - before < 8
    assert run(sandbox, rows, "").problem == ""  # it goes on working


@pytest.mark.heavy
@linux
def test_a_killed_template_is_reported_and_replaced(rows):
    box = Sandbox(1)
    try:
        assert run(box, rows, "").problem == ""
        template = box._pool.templates[()].process
        os.kill(template.pid, signal.SIGKILL)
        template.wait()
        with contextlib.suppress(SandboxError):  # or it was seen in time and replaced
            run(box, rows, "")
        assert run(box, rows, "").problem == ""
    finally:
        box.close()


@pytest.mark.heavy
@linux
@pytest.mark.parametrize(("text", "extras"), [("", ()), ("import lightgbm\n", ("lightgbm",))])
def test_a_head_start_is_taken_over_or_ends(rows, tmp_path, monkeypatch, text, extras):
    program = tmp_path / "train.py"
    program.write_text(text)
    with forking.head_start(program):
        assert forking._ahead == {}, "pandas is there: nothing to be gained"
    monkeypatch.delitem(sys.modules, "pandas")
    with forking.head_start(program):
        [(key, template)] = forking._ahead.items()
        assert key == extras
        box = Sandbox(1)
        try:
            assert box._pool.templates == {extras: template}
            assert run(box, rows, text).problem == ""
            assert list(box._pool.templates) == [extras], "no other template is waited for"
        finally:
            box.close()
    with forking.head_start(program):
        [template] = forking._ahead.values()
    assert template.process.poll() is not None
    assert forking._ahead == {}


@pytest.mark.heavy
@linux
def test_when_the_trusted_side_is_killed_its_workers_end(tmp_path):
    code = f"""
import sys, time
sys.path.insert(0, {str(REPO)!r})
from harness.sealing.sandbox import Sandbox
box = Sandbox(1)
print(box._pool.templates[()].process.pid, box.root, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid, root = process.stdout.readline().split()
    template = psutil.Process(int(pid))
    family = [template, *template.children(recursive=True)]
    process.kill()
    process.wait()
    process.stdout.close()
    gone, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    again = Sandbox(1)  # sweeps the scratch folders of killed processes
    again.close()
    assert not Path(root).exists()


@pytest.mark.heavy
def test_close_leaves_nothing(rows):
    before = set(psutil.Process().children(recursive=True))
    box = Sandbox(2)
    assert run(box, rows, "").problem == ""
    family = set(psutil.Process().children(recursive=True)) - before
    assert family, "a template at least"
    box.close()
    assert not box.root.exists()

    def left(process) -> bool:  # a worker's own child is a zombie until the system collects it
        try:
            return process.status() != psutil.STATUS_ZOMBIE or process.ppid() == os.getpid()
        except psutil.NoSuchProcess:
            return False

    until = time.monotonic() + 5
    while any(map(left, family)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not list(filter(left, family))


@pytest.mark.heavy
def test_the_portable_pool_gives_the_same_answers(rows):
    box = Sandbox(2, method="spawn")
    try:
        assert box.isolation.startswith("process")
        good, bad = TAIL.encode(), ("import os; os._exit(3)" + TAIL).encode()
        hang = ("while True: pass" + TAIL).encode()
        replies = box.run([[Job(good, rows, 3)], [Job(bad, rows, 3)]], 60)
        np.testing.assert_array_equal(replies[0][0].numbers, [0.0, 1.0, 2.0])
        assert "status 3" in replies[1][0].problem
        assert box.run([[Job(hang, rows, 3)]], 5)[0][0].problem == "timeout (over 5 s)"
    finally:
        box.close()


@settings(max_examples=20, deadline=None)
@given(
    st.recursive(
        st.none(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=9
    )
)
def test_any_tree_is_removed(tree):
    import tempfile

    top = Path(tempfile.mkdtemp()) / "top"

    def grow(path, node):
        if node is None:
            path.write_text("x")
        else:
            path.mkdir()
            for name, inner in node.items():
                grow(path / name, inner)

    grow(top, tree if tree is not None else {})
    remove_tree(top)
    assert not top.exists()
    top.parent.rmdir()


def test_a_very_deep_tree_is_removed_and_noticed(tmp_path):
    top = tmp_path / "top"
    top.mkdir()
    here = os.getcwd()
    try:
        os.chdir(top)
        for _ in range(1500):  # longer than a path may be, deeper than Python recurses
            os.mkdir("deep")
            os.chdir("deep")
        os.symlink("/etc", "link")
    finally:
        os.chdir(here)
    assert too_full(str(top))
    remove_tree(top)
    assert not top.exists()
    assert os.path.exists("/etc/passwd")


def test_a_full_scratch_folder_ends_the_job(sandbox, rows):
    head = "import time\nfor i in range(9): open(str(i), 'wb').truncate(2**26)\ntime.sleep(5)"
    assert run(sandbox, rows, head).problem == "crashed (filled its scratch folder)"


# ------------------------------------------------------------------- bytes that come and go


@given(st.binary(max_size=200), st.integers(1, 20))
def test_any_bytes_are_a_problem_or_numbers(reply, n):
    problem, threshold, numbers = parse_reply(reply, n)
    if numbers is None:
        assert problem.partition(" ")[0] in ("crashed", "rejected")
        assert problem.isprintable()
    else:
        assert problem == ""
        assert numbers.shape == (n,)
        assert np.isfinite(numbers).all()
        assert threshold in (0.0, 0.5)


@given(st.text(max_size=500))
def test_plain_text_is_one_bounded_printable_line(text):
    line = plain(text)
    assert line.isprintable()
    assert len(line) <= 200


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 30),
    st.lists(
        st.sampled_from(
            ["float64", "int64", "bool", "str", "category", "datetime64[ns]", "object"]
        ),
        max_size=4,
    ),
)
def test_frames_of_any_type_arrive_as_they_left(n, dtypes):
    values = {
        "float64": np.linspace(0, 1, n),
        "int64": np.arange(n),
        "bool": np.arange(n) % 2 == 0,
        "str": pd.Series([f"wörd {i % 3}" for i in range(n)], dtype="str"),
        "category": pd.Series([f"c{i % 3}" for i in range(n)]).astype("category"),
        "datetime64[ns]": pd.date_range("2020", periods=n),
        "object": pd.Series([None if i % 2 else i for i in range(n)], dtype=object),
    }
    frame = pd.DataFrame({f"{i}": values[d] for i, d in enumerate(dtypes)}, index=range(n))
    y = np.arange(n)
    packed = Packed((frame, y))
    again, y_again = unpack(bytearray(packed.read()))
    pd.testing.assert_frame_equal(again, frame)
    np.testing.assert_array_equal(y_again, y)
    packed.close()


def test_a_template_is_no_larger_than_the_program_asks_for():
    assert imports_for([b"import numpy\n# flaml"]) == ()
    assert imports_for([b"from lightgbm import LGBMClassifier"]) == ("lightgbm",)
    assert imports_for([b"import flaml.automl as a\nimport xgboost"]) == ("flaml", "xgboost")
    assert imports_for([b"import flaml ("]) == ()


# -- scratch folders on a machine that others use, too --------------------------------------


OWNING = """
import sys, time
from harness.sealing.folders import OwnFolder
print(OwnFolder().path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def own_elsewhere(temporary):
    """A folder that another process owns."""
    env = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        [sys.executable, "-c", OWNING],
        cwd=REPO,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, Path(process.stdout.readline().strip())


def end(process):
    process.kill()
    process.communicate()


def test_a_scratch_folder_is_removed_when_its_owner_ended_and_never_before(temporary, monkeypatch):
    """Numbers of processes say nothing: an owner in another container has none here."""
    monkeypatch.setattr("psutil.pid_exists", lambda pid: False)
    process, theirs = own_elsewhere(temporary)
    try:
        (theirs / "job").mkdir()
        for _ in range(2):
            OwnFolder().close()
            assert (theirs / "job").is_dir()
    finally:
        end(process)
    OwnFolder().close()
    assert list(temporary.iterdir()) == []


def test_what_is_not_ours_to_delete_stays(temporary):
    """A folder of an older version, somebody's notes, links, and a run of another host."""
    (temporary / "ratchet-99999999-old").mkdir()
    (temporary / "ratchet-notes").write_text("mine")
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / OWNER).write_bytes(b"")
    linked = temporary / "ratchet-linked"
    linked.mkdir()
    (linked / OWNER).symlink_to(elsewhere / OWNER)
    far = temporary / "ratchet-far"
    far.mkdir()
    (far / OWNER).write_bytes(b"another start of another system")
    piped = temporary / "ratchet-piped"
    piped.mkdir()
    os.mkfifo(piped / OWNER)
    before = sorted(p.name for p in temporary.rglob("*"))
    OwnFolder().close()
    assert sorted(p.name for p in temporary.rglob("*")) == before
    os.utime(far / OWNER, (0, 0))
    OwnFolder().close()
    assert not far.exists(), "a week old: nobody's any more"


@pytest.mark.heavy
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_scratch_root_that_vanishes_under_a_run_is_made_again(temporary, rows, method):
    box = Sandbox(2, method=method)
    try:
        assert run(box, rows, "").problem == ""
        shutil.rmtree(box.root)
        assert run(box, rows, "open('x', 'w').write('1')").problem == ""
        for folder in box.root.iterdir():  # a cleaner took only what was old
            if folder.is_dir():
                shutil.rmtree(folder)
        assert run(box, rows, "open('x', 'w').write('1')").problem == ""
    finally:
        box.close()
    assert list(temporary.iterdir()) == []


@pytest.mark.heavy
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_environment_of_many_packages_is_no_argument_too_long(
    tmp_path, monkeypatch, rows, method
):
    """Linux takes 128 KiB for one argument of exec."""
    for i in range(1500):
        (tmp_path / f"{i:04d}{'x' * 200}").mkdir()
    paths = [str(p) for p in tmp_path.iterdir()]
    assert sum(map(len, paths)) > 2 * 128 * 1024
    monkeypatch.setattr(
        "harness.sealing.sandbox.without_hidden", lambda *a: [*without_hidden(*a), *paths]
    )
    long = [f"/{i}" + f"/{'y' * 200}" * 19 for i in range(50)]  # few: each import looks into all
    monkeypatch.setattr("harness.sealing.reach.import_path", lambda: [*import_path(), *long])
    box = Sandbox(1, method=method)
    try:
        assert run(box, rows, "").problem == ""
    finally:
        box.close()

"""Memory copied ahead of need: the right pages, no others, and only until the job comes."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import struct
import sys

import psutil
import pytest

from harness.sealing import prefault

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork and pagemap are Linux")
PAGE = mmap.PAGESIZE


@pytest.fixture
def memory():
    """Sixty-four pages that this process has written, one by one, and where they lie."""
    size = 64 * PAGE
    area = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        area.madvise(mmap.MADV_NOHUGEPAGE)
    for page in range(64):
        area[page * PAGE] = 1
    view = ctypes.c_char.from_buffer(area)
    yield area, ctypes.addressof(view)
    del view
    area.close()


def pages_of(ranges, start: int) -> set[int]:
    """Which of the sixty-four pages are among the ranges."""
    inside = {at // PAGE for low, length in ranges for at in range(low, low + length, PAGE)}
    return {page - start // PAGE for page in inside} & set(range(64))


def faults_in_child(before, work) -> int:
    """Page faults that `work` takes in a fork of this process, after `before`."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            before()
            began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            work()
            ended = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            os.write(writer, struct.pack("q", ended - began))
        finally:
            os._exit(0)
    os.close(writer)
    data = os.read(reader, 8)
    os.close(reader)
    os.waitpid(pid, 0)
    return struct.unpack("q", data)[0]


def test_finds_what_the_work_wrote_and_nothing_that_it_only_read(memory):
    area, start = memory

    def work():
        for page in (3, 4, 5, 40):
            area[page * PAGE + 7] = 9
        assert area[20 * PAGE] == 1

    assert pages_of(prefault.written_by(work), start) == {3, 4, 5, 40}
    assert area[3 * PAGE + 7] == 0  # the trial was in a process of its own


def test_pages_side_by_side_are_one_range(memory):
    area, start = memory

    def work():
        for page in range(10, 20):
            area[page * PAGE] = 9

    whole = next(r for r in prefault.written_by(work) if r[0] <= start + 10 * PAGE < sum(r))
    assert sum(whole) >= start + 20 * PAGE


def test_copied_pages_cost_the_work_no_fault(memory):
    area, start = memory

    def work():
        for page in range(64):
            area[page * PAGE] = 9

    ahead = [(start, 64 * PAGE)]
    plain = faults_in_child(lambda: None, work)
    copied = faults_in_child(lambda: prefault.copy_ahead(ahead, lambda: False), work)
    assert plain >= 64
    assert copied <= plain - 60
    assert area[0] == 1


def test_stops_when_the_job_has_come(memory):
    _, start = memory
    ranges = [(start + (i % 64) * PAGE, PAGE) for i in range(200)]
    asked = iter([False, False, True])
    assert prefault.copy_ahead(ranges, lambda: next(asked)) == 64
    assert prefault.copy_ahead(ranges, lambda: True) == 0


def test_a_range_that_is_gone_is_no_problem():
    area = mmap.mmap(-1, 4 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    view = ctypes.c_char.from_buffer(area)
    start = ctypes.addressof(view)
    del view
    area.close()
    assert prefault.copy_ahead([(start, 4 * PAGE)], lambda: False) == 1


def test_work_that_fails_gives_nothing_and_leaves_no_process():
    def work():
        raise OSError("no")

    before = psutil.Process().children()
    assert prefault.written_by(work) == []
    assert psutil.Process().children() == before


def test_a_system_that_does_not_tell_gives_nothing(monkeypatch):
    def closed(path, *args):
        if path == "/proc/self/pagemap":
            raise PermissionError(path)
        return open(path, *args)

    assert prefault.written_by(lambda: bytearray(10_000))
    monkeypatch.setattr(prefault, "open", closed, raising=False)
    assert prefault.written_by(lambda: bytearray(10_000)) == []

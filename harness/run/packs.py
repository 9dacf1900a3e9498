"""Objects that git packed into one file, read without git and with bounds (gitformat-pack(5)).

A pack from a stranger may lie about everything; what comes out is held to its own name by `git.py`.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from harness import RunError
from harness.files import read_plain

MAX_OBJECT = 4 * 1024**2  # bytes of an object; the largest honest one is a train.py or program.md
MAX_INDEX = 32 * 1024**2  # bytes of all indices: a million objects
MAX_PACKS = 50
MAX_CHAIN = 250  # deltas on deltas: git itself makes 50, at most 250
_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_ON_OFFSET, _ON_NAME = 6, 7  # deltas: the base is so far before, or has this name


def inflate(data: bytes, most: int = MAX_OBJECT) -> bytes:
    """Unpack at most so many bytes; a RunError if there are more, or if it is no zlib stream."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, most + 1)
    except zlib.error:
        raise RunError("is damaged") from None
    if len(found) > most:
        raise RunError(f"unpacks to more than {most >> 10} KiB")
    return found


class Packs:
    """The packs of one `.git` folder; their indices are read once."""

    def __init__(self, git: Path):
        self.folder = git / "objects" / "pack"
        self._indices: dict[str, bytes] = {}

    def read(self, sha: str) -> tuple[str, bytes] | None:
        """Return an object's kind and content, None if no pack has it; a RunError if damaged."""
        self._look()
        for name, index in self._indices.items():
            if (at := _offset(index, bytes.fromhex(sha))) is not None:
                with open(self.folder / f"{name}.pack", "rb") as pack:
                    return self._object(pack, index, at)
        return None

    def _look(self) -> None:
        """Read indices that are new; a pack may have been added, or packed again."""
        try:
            names = sorted(n[:-4] for n in os.listdir(self.folder) if n.endswith(".idx"))
        except OSError:
            names = []
        if names == list(self._indices):
            return
        left, self._indices = MAX_INDEX, {}
        for name in names:
            read_plain(self.folder / f"{name}.pack", 0)  # before it is opened: is it a file?
            index = read_plain(self.folder / f"{name}.idx", left + 1)
            left -= len(index)
            if left < 0 or len(names) > MAX_PACKS:
                raise RunError("is in packs too large to read: unpack them with git unpack-objects")
            if len(index) < 1032 or index[:8] != b"\xfftOc\0\0\0\2":
                raise RunError("is in a pack of another format: unpack it with git unpack-objects")
            self._indices[name] = index

    def _object(self, pack, index: bytes, at: int) -> tuple[str, bytes]:
        """Follow deltas down to a whole object, then apply them."""
        deltas: list[bytes] = []
        while True:
            pack.seek(at)
            head = _Bytes(pack.read(64))
            byte = head.byte()
            kind, size, shift = byte >> 4 & 7, byte & 15, 4
            if byte & 128:
                size |= head.number() << shift
            base = None
            if kind == _ON_OFFSET:
                base = at - head.distance()
            elif kind == _ON_NAME:
                base = _offset(index, head.take(20))
            if size > MAX_OBJECT or len(deltas) > MAX_CHAIN:
                raise RunError("is too large, or too many deltas deep")
            pack.seek(at + head.at)
            data = inflate(pack.read(size + (size >> 8) + 64), size)
            if kind in _KINDS:
                for delta in reversed(deltas):
                    data = _apply(data, delta)
                return _KINDS[kind], data
            if base is None or base < 0:
                raise RunError("is damaged")
            deltas.append(data)
            at = base


class _Bytes:
    """Bytes taken one after the other; a RunError when there are no more."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self.data):
            raise RunError("is damaged")
        return self.data[self.at - count : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """A number in groups of seven bits, the lowest first; at most nine of them."""
        value = 0
        for shift in range(0, 63, 7):
            byte = self.byte()
            value |= (byte & 127) << shift
            if not byte & 128:
                return value
        raise RunError("is damaged")

    def distance(self) -> int:
        """How far before a delta its base stands: the highest group first, each plus one."""
        byte = self.byte()
        value = byte & 127
        while byte & 128:
            byte = self.byte()
            value = (value + 1) << 7 | byte & 127
        return value


def _offset(index: bytes, sha: bytes) -> int | None:
    """Where an object stands in a pack, by the pack's index (version 2)."""

    def word(at: int, size: int = 4) -> int:
        return int.from_bytes(index[at : at + size])

    count = word(8 + 4 * 255)
    low = word(8 + 4 * (sha[0] - 1)) if sha[0] else 0
    high = word(8 + 4 * sha[0])
    names = 8 + 4 * 256
    if len(index) < names + 28 * count or not low <= high <= count:
        raise RunError("is in a pack whose index is damaged")
    while low < high:
        middle = (low + high) // 2
        name = index[names + 20 * middle : names + 20 * middle + 20]
        if name == sha:
            at = word(names + 24 * count + 4 * middle)
            return at if at < 1 << 31 else word(names + 28 * count + 8 * (at - (1 << 31)), 8)
        low, high = (middle + 1, high) if name < sha else (low, middle)
    return None


def _apply(base: bytes, delta: bytes) -> bytes:
    """Make an object of its base: pieces copied from there, pieces inserted."""
    steps, found = _Bytes(delta), bytearray()
    if steps.number() != len(base):
        raise RunError("is damaged")
    size = steps.number()
    while steps.at < len(delta) and len(found) <= min(size, MAX_OBJECT):
        step = steps.byte()
        if step & 128:
            at = sum(steps.byte() << 8 * i for i in range(4) if step >> i & 1)
            count = sum(steps.byte() << 8 * i for i in range(3) if step >> i + 4 & 1) or 0x10000
            found += base[at : at + count]
        else:
            found += steps.take(step)  # 0 is no step: nothing is taken, the name will not fit
    if len(found) != size:
        raise RunError("is damaged")
    return bytes(found)

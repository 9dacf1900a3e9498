"""Objects that git packed into one file, read without git and with bounds (gitformat-pack(5)).

A pack from a stranger may lie about everything; what comes out is held to its own name by `git.py`.
"""

import os
import zlib
from bisect import bisect_left
from pathlib import Path

from harness import RunError
from harness.files import read_plain

MAX_OBJECT = 4 * 1024**2  # bytes of an object; the largest honest one is a train.py or program.md
MAX_INDEX = 32 * 1024**2  # bytes of all indices: a million objects
MAX_PACKS = 50
MAX_CHAIN = 250  # deltas on deltas: git itself makes 50, at most 250
_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_ON_OFFSET, _ON_NAME = 6, 7  # deltas: the base is so far before, or has this name
_NAMES = 8 + 4 * 256  # where the names begin in an index, after its mark and 256 counts


def inflate(data: bytes, most: int = MAX_OBJECT) -> bytes:
    """Unpack at most so many bytes; a RunError if there are more, or if it is no zlib stream."""
    try:
        found = zlib.decompressobj().decompress(data, most + 1)
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

    def read(self, sha: str) -> bytes | None:
        """Return an object with its header, None if no pack has it; a RunError if damaged."""
        try:
            self._look()
            for name, index in self._indices.items():
                if (at := _offset(index, bytes.fromhex(sha))) is not None:
                    with open(self.folder / f"{name}.pack", "rb") as pack:
                        return _object(pack, index, at)
        except (IndexError, ValueError):
            raise RunError("is in a pack that is damaged") from None
        return None

    def _look(self) -> None:
        """Read the indices, unless they are those that were read before."""
        names = os.listdir(self.folder) if self.folder.is_dir() else []
        names = sorted(name[:-4] for name in names if name.endswith(".idx"))
        if names == list(self._indices):
            return
        left, self._indices = MAX_INDEX, {}
        for name in names:
            read_plain(self.folder / f"{name}.pack", 0)  # before it is opened: is it a file?
            index = read_plain(self.folder / f"{name}.idx", left + 1)
            left -= len(index)
            known = index.startswith(b"\xfftOc\0\0\0\2") and len(index) >= _NAMES
            whole = known and len(index) >= _NAMES + 28 * _word(index, _NAMES - 4)
            if left < 0 or len(names) > MAX_PACKS or not whole:
                raise RunError("is in a pack too large or too odd to read: git unpack-objects it")
            self._indices[name] = index


def _word(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size])


def _offset(index: bytes, sha: bytes) -> int | None:
    """Where an object stands in a pack, by the pack's index (version 2)."""
    count, high = _word(index, _NAMES - 4), _word(index, 8 + 4 * sha[0])
    low = _word(index, 4 + 4 * sha[0]) if sha[0] else 0
    if not low <= high <= count:
        raise IndexError

    def name(i: int) -> bytes:
        return index[_NAMES + 20 * i : _NAMES + 20 * i + 20]

    i = bisect_left(range(count), sha, low, high, key=name)
    if i == high or name(i) != sha:
        return None
    at = _word(index, _NAMES + 24 * count + 4 * i)
    return at if at < 1 << 31 else _word(index, _NAMES + 28 * count + 8 * (at - (1 << 31)), 8)


def _object(pack, index: bytes, at: int) -> bytes:
    """Follow deltas down to a whole object, then apply them."""
    deltas: list[bytes] = []
    while True:
        pack.seek(at)
        head = pack.read(64)
        kind, (size, i) = head[0] >> 4 & 7, _number(head, 0)
        size = size & 15 | size >> 7 << 4  # the first group has the kind, and four bits
        base = None
        if kind == _ON_OFFSET:  # groups of seven bits, the highest first, each plus one
            far = head[i] & 127
            while head[i] & 128:
                i += 1
                far = (far + 1) << 7 | head[i] & 127
            base, i = at - far, i + 1
        elif kind == _ON_NAME:
            base, i = _offset(index, head[i : i + 20]), i + 20
        much = sum(map(len, deltas)) > 4 * MAX_OBJECT
        if size > MAX_OBJECT or len(deltas) > MAX_CHAIN or much:
            raise RunError("is too large, or too many deltas deep")
        pack.seek(at + i)
        data = inflate(pack.read(size + (size >> 8) + 64), size)
        if kind in _KINDS:
            for delta in reversed(deltas):
                data = _apply(data, delta)
            return f"{_KINDS[kind]} {len(data)}\0".encode() + data
        if base is None or base < 0:
            raise IndexError
        deltas.append(data)
        at = base


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Read a number in groups of seven bits, the lowest first, nine at most; and where it ends."""
    value = 0
    for i in range(9):
        value |= (data[at + i] & 127) << 7 * i
        if not data[at + i] & 128:
            return value, at + i + 1
    raise IndexError


def _apply(base: bytes, delta: bytes) -> bytes:
    """Make an object of its base: pieces copied from there, pieces inserted."""
    _, at = _number(delta, 0)
    size, at = _number(delta, at)
    found = bytearray()
    while at < len(delta) and len(found) <= min(size, MAX_OBJECT):
        step, at = delta[at], at + 1
        if step & 128:  # seven bits tell which bytes of offset and length follow
            parts = [0] * 7
            for bit in range(7):
                if step >> bit & 1:
                    parts[bit], at = delta[at], at + 1
            begin, count = (int.from_bytes(parts[a:b], "little") for a, b in ((0, 4), (4, 7)))
            piece = base[begin : begin + (count or 0x10000)]
        else:
            piece, at = delta[at : at + step], at + step
        if not piece:  # millions of them would take minutes
            raise IndexError
        found += piece
    return bytes(found)

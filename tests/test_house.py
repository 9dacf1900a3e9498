"""The floor plan: who may import whom, what a room hands on, how large the house may be."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import NamedTuple

import pytest

HOUSE = Path(__file__).resolve().parent.parent / "harness"
# From the ground up. A room imports from rooms below it, never from beside or above.
STOREYS = (
    "candidate processes files fingerprint plots",
    "task",
    "sealing",
    "agents",
    "scoring",
    "rules",
    "run",
    "newtask",
    "evidence",
    "teaching",
    "commands",
    "cli",
    "__main__",
)
INNER = ("agents/playbook", "agents/programs", "agents/chat")  # above the other files of agents/
STOREY = {room: n for n, names in enumerate(STOREYS) for room in names.split()}


class Import(NamedTuple):
    """One import of something in the house; `face` is the room whose face it went through."""

    file: str
    target: str  # the file that it leads to, without `.py`
    face: str


def read(house: Path) -> dict[str, str]:
    """The text of every file, by its path without `.py`."""
    files = {
        path.relative_to(house).with_suffix("").as_posix(): path for path in house.rglob("*.py")
    }
    return {file: files[file].read_text("utf-8") for file in sorted(files)}


@functools.cache  # a planted import changes one file: the others are parsed once
def parsed(text: str) -> tuple[ast.AST, ...]:
    """Every node of a program."""
    return tuple(ast.walk(ast.parse(text)))


@functools.cache
def import_statements(text: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    return tuple(node for node in parsed(text) if isinstance(node, ast.Import | ast.ImportFrom))


def faces(house: dict[str, str]) -> dict[str, dict[str, str]]:
    """What each room's face hands on: room -> name -> file."""
    found = {}
    for file, text in house.items():
        place, _, stem = file.rpartition("/")
        if stem != "__init__" or not place or "/" in place:
            continue
        names: dict[str, str] = {}
        for node in parsed(text):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "face":
                for word in node.keywords:
                    names |= dict.fromkeys(word.value.value.split(), word.arg)
            elif isinstance(node, ast.ImportFrom):  # `commands` hands on without `face`
                home = node.module.removeprefix(f"harness.{place}").removeprefix(".")
                names |= {alias.name: home or alias.name for alias in node.names}
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if node.col_offset == 0:  # not in a function
                    names[node.targets[0].id] = "__init__"
        found[place] = names
    return found


def read_imports(files: dict[str, str]) -> list[Import]:
    """Every import of the house's own files, inside functions and `TYPE_CHECKING` too."""
    handed = faces(files)
    found = []
    for file, text in files.items():
        for node in import_statements(text):
            if isinstance(node, ast.Import):
                wanted = [(alias.name.split("."), "") for alias in node.names]
            else:
                assert not node.level, f"{file}: a relative import hides where it leads"
                wanted = [((node.module or "").split("."), alias.name) for alias in node.names]
            for (top, *place), name in wanted:
                if top != "harness":
                    continue
                where = "/".join(place)
                if not where and not name:
                    found.append(Import(file, "__init__", ""))
                elif "/".join([*place, name]) in files:  # the file itself
                    own = not place or place[0] == room(file)
                    whole = not own and handed[place[0]].get(name) == name
                    found.append(Import(file, "/".join([*place, name]), place[0] if whole else ""))
                elif where in files:
                    found.append(Import(file, where, ""))
                elif where in handed:
                    home = handed[where].get(name)
                    assert home, f"{file} takes {name}, which the face of {where} does not hand on"
                    found.append(Import(file, f"{where}/{home}", where))
                else:
                    found.append(Import(file, f"{where}/__init__" if where else "__init__", ""))
    return found


def room(file: str) -> str:
    """The room (or the file on the ground) that a file belongs to."""
    return file.split("/")[0]


def wrong_ways(imports: list[Import]) -> list[str]:
    """Imports that run upwards, sideways or past a room's face."""
    said = []
    for file, target, face in imports:
        here, there = room(file), room(target)
        if there == "__init__" or here == "__init__":
            continue
        if here != there and STOREY[there] >= STOREY[here]:
            said.append(f"{file} imports {target}: upwards or sideways")
        elif here != there and "/" in target and not face:
            said.append(f"{file} imports {target}: past the room's face")
        elif here == there and face and "__init__" not in file:
            said.append(f"{file} imports from its own room's face: name the file")
        inner = [name for name in INNER if target.startswith(f"{name}/")]
        if inner and here == there and not file.startswith(f"{inner[0]}/"):
            said.append(f"{file} imports {target}: upwards within {there}")
    return said


def circles(imports: list[Import]) -> list[list[str]]:
    """Files that import each other, directly or not, as one list per circle."""
    below: dict[str, set[str]] = {}
    for file, target, _ in imports:
        if not file.endswith("__init__") and not target.endswith("__init__"):
            below.setdefault(file, set()).add(target)
    reach = {}
    for start in below:
        seen, todo = set(), [start]
        while todo:
            for target in below.get(todo.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        reach[start] = seen
    rings = {
        frozenset(f for f in seen if start in reach.get(f, ())) for start, seen in reach.items()
    }
    return sorted(sorted(ring) for ring in rings if ring)


@pytest.fixture(scope="module")
def house() -> dict[str, str]:
    return read(HOUSE)


@pytest.fixture(scope="module")
def imports(house) -> list[Import]:
    return read_imports(house)


def test_imports_run_one_way(imports):
    assert not wrong_ways(imports)


def test_no_files_import_each_other(imports):
    assert not circles(imports)


def test_every_file_lies_in_a_room_of_the_plan(house):
    for file in house:
        assert room(file) in STOREY or file == "__init__", f"{file}.py stands in no room"


def test_faces_hand_on_what_is_there(house):
    import importlib

    for name, names in faces(house).items():
        module = importlib.import_module(f"harness.{name}")
        for handed in names:
            assert getattr(module, handed) is not None, f"{name} hands on {handed}"


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("task/table.py", "from harness.run import Ledger", "upwards"),
        ("task/table.py", "def f():\n    from harness.run import Ledger", "upwards"),
        ("scoring/probes.py", "from harness.rules import get_rule", "upwards"),
        ("files.py", "from harness import processes", "sideways"),
        ("run/loop.py", "from harness.task.task import HEART", "past the room's face"),
        ("run/loop.py", "import harness.scoring.scorer", "past the room's face"),
        ("run/ledger.py", "from harness.run import Run", "its own room's face"),
        ("agents/prompt.py", "from harness.agents.chat.chat import make", "upwards within"),
        ("evidence/audit.py", "from harness.commands import COMMANDS", "upwards"),
    ],
)
def test_a_wrong_import_is_found(house, file, line, said):
    wrong = wrong_ways(read_imports(planted(house, file, line)))
    assert any(said in words and file[:-3] in words for words in wrong)


def test_a_circle_is_found(house):
    more = planted(house, "run/ledger.py", "from harness.run.loop import parse_duration")
    (ring,) = circles(read_imports(more))
    assert {"run/ledger", "run/loop"} <= set(ring)


def planted(house: dict[str, str], file: str, line: str) -> dict[str, str]:
    """The house with one more import in one file."""
    file = file.removesuffix(".py")
    return {**house, file: f"{house[file]}\n{line}\n"}

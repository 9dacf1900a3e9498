"""README.md is short, and names what there is: files, commands, agents, lessons, figures."""

import re
from pathlib import Path

from harness import evidence  # adds the agent `replay`
from harness.agents.kinds import KINDS
from harness.commands import COMMANDS

TOP = Path(__file__).resolve().parent.parent.parent
README = (TOP / "README.md").read_text(encoding="utf-8")
MEASURED = (TOP / "benchmarks" / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """The first cell of each row of the tables."""
    return re.findall(r"(?m)^\| ([^|]+?) \|", text)


def test_it_is_read_in_one_go():
    assert len(README.split()) <= 1300


def test_every_file_it_links_to_is_there():
    for text, folder in ((README, TOP), (MEASURED, TOP / "benchmarks")):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
            assert (folder / target).exists(), target


def test_it_names_every_command_and_no_other():
    commands, agents = section("Commands").split("| agents |")
    named = {w for cell in first_cells(commands)[1:] for w in re.findall(r"`(\w+)[^`]*`", cell)}
    assert named == set(COMMANDS)
    named = {word for cell in first_cells(agents) for word in re.findall(r"`([\w-]+)`", cell)}
    assert evidence is not None
    assert named == set(KINDS)


def test_it_names_every_lesson():
    listed = [cell for cell in first_cells(section("Three ways in")) if re.match(r"\d\d ", cell)]
    sources = sorted(p.stem for p in (TOP / "notebooks" / "src").glob("*.py"))
    assert [cell.replace(" ", "_") for cell in listed] == sources


def test_its_figures_are_those_of_the_page_of_measurements():
    rows = re.findall(r"(?m)^\| .+ \| (.*\d.*) \|$", section("Measured"))
    assert len(rows) == 5
    for figure in re.findall(r"[+-]?\d+(?:\.\d+)?", " ".join(rows)):
        assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d])", MEASURED), figure

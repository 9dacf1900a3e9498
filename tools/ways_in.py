"""Badges and set-up for Binder and Google Colab, for a course that has a public address.

The address is `Repository` under `[project.urls]` in pyproject.toml, one of GitHub's. While there
is none, lessons and README have no badges. Both services are pinned to the release `v<version>`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

BEGIN, END = "<!-- badges -->", "<!-- /badges -->"
_ADDRESS = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")

COLAB_CELL = """# On Google Colab: fetch the course and its pinned packages. Elsewhere: nothing.
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    if not os.path.isdir("course"):
        clone = ["git", "clone", "--depth", "1", "--branch", "{ref}", "{address}", "course"]
        subprocess.run(clone, check=True)
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
        subprocess.run([*install, "-r", "course/requirements.txt"], check=True)
    os.chdir("course")"""


class Address(NamedTuple):
    """Where the course can be fetched: owner and name on GitHub, and the release's tag."""

    owner: str
    name: str
    ref: str

    @property
    def url(self) -> str:
        return f"https://github.com/{self.owner}/{self.name}"


def read_address(pyproject: Path) -> Address | None:
    """Read the public address; None if there is none yet.

    Raises
    ------
    ValueError
        If there is one, but not GitHub's: Binder and Colab links are made for GitHub.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    url = project.get("urls", {}).get("Repository", "")
    if not url:
        return None
    found = _ADDRESS.fullmatch(url)
    if not found:
        raise ValueError(f"Repository in pyproject.toml is {url!r}: use https://github.com/…/…")
    return Address(found[1], found[2], f"v{project['version']}")


def badges(address: Address, notebook: str) -> str:
    """Write the two badges that open a notebook (its path in the repository)."""
    where = f"{address.owner}/{address.name}"
    binder = f"https://mybinder.org/v2/gh/{where}/{address.ref}?urlpath=lab/tree/{notebook}"
    colab = f"https://colab.research.google.com/github/{where}/blob/{address.ref}/{notebook}"
    return (
        f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({binder})\n"
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})"
    )


def colab_cell(address: Address) -> str:
    """Write the code of the cell that sets Colab up."""
    return COLAB_CELL.format(ref=address.ref, address=address.url)


def with_badges(readme: str, address: Address | None) -> str:
    """Fill the place for badges in the README, or empty it.

    Raises
    ------
    ValueError
        If the README has no such place.
    """
    if BEGIN not in readme or END not in readme:
        raise ValueError(f"README.md has no {BEGIN} … {END}: put it back below the title")
    head, _, rest = readme.partition(BEGIN)
    tail = rest.partition(END)[2]
    inside = f"\n{badges(address, 'notebooks/00_twenty_lines.ipynb')}\n" if address else ""
    return f"{head}{BEGIN}{inside}{END}{tail}"

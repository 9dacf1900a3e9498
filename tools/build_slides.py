"""Make slides of the lessons from their own cells, in slides/ (nbconvert, reveal.js).

    python tools/build_slides.py                    run the learner's notebooks, then make slides
    python tools/build_slides.py --executed FOLDER  make them from notebooks that were run before
    python tools/build_slides.py --offline FOLDER   slides that need no network when they are shown

A heading begins a slide; a code cell and what it shows go below it, one step down; the sentence
after an output appears when asked for. Exercises, quizzes and set-up stay in the notebook.
reveal.js and what it needs come from the network, or from a folder that

    npm install --prefix FOLDER reveal.js@4 requirejs@2 jquery@3 mathjax@2

has filled.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import build_site
import nbformat
from nbconvert import SlidesExporter

OUT = build_site.ROOT / "slides"
# Where nbconvert's template finds its scripts, inside node_modules.
SCRIPTS = {
    "reveal_url_prefix": "reveal.js",
    "require_js_url": "requirejs/require.js",
    "jquery_url": "jquery/dist/jquery.min.js",
    "mathjax_url": "mathjax/MathJax.js",
}
LEFT_OUT = ("exercise-", "quiz-", "setup", "imports", "parameters", "validate", "close", "finish")


def slide_type(cell: dict) -> str:
    """Say how a cell is shown: reveal.js's "slide", "subslide", "fragment", or "skip"."""
    if cell["id"].startswith(LEFT_OUT):
        return "skip"
    if cell["cell_type"] == "code":
        return "subslide"
    return "slide" if cell["source"].lstrip().startswith(("# ", "## ")) else "fragment"


def with_slides(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Mark the cells of an executed notebook; quick links and papermill's notes are of no use."""
    for cell in notebook["cells"]:
        cell["metadata"] = {"slideshow": {"slide_type": slide_type(cell)}}
    return notebook


def make(executed: Path, out: Path, offline: Path | None) -> None:
    """Write the slides of one executed lesson, in one HTML file."""
    exporter = SlidesExporter()
    exporter.reveal_scroll = True  # a long output scrolls instead of being cut off
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    if offline is not None:
        for name, script in SCRIPTS.items():
            setattr(exporter, name, (offline / "node_modules" / script).as_uri())
    notebook = nbformat.reads(build_site.plain(executed).decode(), as_version=4)
    html, _ = exporter.from_notebook_node(with_slides(notebook), {"metadata": {"name": out.stem}})
    out.write_text(html, encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Make the slides; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--executed", type=Path, metavar="FOLDER", help="lessons run before")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help="default: slides/")
    parser.add_argument("--offline", type=Path, metavar="FOLDER", help="where npm put reveal.js")
    args = parser.parse_args(argv)
    offline = args.offline.resolve() if args.offline else None
    for script in SCRIPTS.values() if offline else ():
        if not (offline / "node_modules" / script).exists():
            print(f"slides: {args.offline} has no {script}: see --help", file=sys.stderr)
            return 1
    notebooks = sorted((build_site.ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    try:
        given = args.executed
        lessons = build_site.given(given, notebooks) if given else build_site.run_lessons(notebooks)
    except build_site.SiteError as error:
        print(f"slides: {error}", file=sys.stderr)
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    for name, executed in lessons.items():
        make(executed, args.out / f"{Path(name).stem}.slides.html", offline)
    print(f"slides: open a file of {build_site.shown(args.out)} in a browser")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Run a notebook from top to bottom without a screen and check that it really finished.

`python tools/run_headless.py` runs the agent loop (lesson 04) under a fresh tag; `--tag` continues
an earlier run, `-p NAME VALUE` sets any other parameter of the notebook.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "04_agent_loop.ipynb"
PNG = b"\x89PNG\r\n\x1a\n"


class NotFinished(Exception):
    """The notebook did not end well; the message is one line that says what to do."""


def shown(path: Path) -> str:
    """Path as a person would type it from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def environment() -> dict[str, str]:
    """Keep what Jupyter and matplotlib write inside the checkout, and use this Python's kernel."""
    state = Path(sys.prefix) / "state" if sys.prefix != sys.base_prefix else ROOT / "build"
    return {
        **os.environ,
        "IPYTHONDIR": str(state / "ipython"),
        "JUPYTER_CONFIG_DIR": str(state / "jupyter-config"),
        "JUPYTER_DATA_DIR": str(state / "jupyter-data"),
        "JUPYTER_RUNTIME_DIR": str(state / "jupyter-runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "MPLCONFIGDIR": str(state / "matplotlib"),
        "PYTHONUTF8": "1",  # Δ and — on a Windows console
    }


def command(notebook: Path, out: Path, tag: str, parameters: list[list[str]]) -> list[str]:
    """Build the papermill command line (`-r` takes a value as text, `-p` guesses its type)."""
    words = [sys.executable, "-m", "papermill", str(notebook), str(out)]
    words += ["--log-output", "--no-progress-bar", "--autosave-cell-every", "30"]
    words += ["--kernel", "python3", "--language", "python", "--cwd", str(ROOT), "-r", "tag", tag]
    for name, value in parameters:
        words += ["-p", name, value]
    return words


def check_record(record: Path, out: Path) -> tuple[Path, str]:
    """Read the notebook's last word on itself; return the path of its plot, and what it claims.

    Raises
    ------
    NotFinished
        If the record is missing or unreadable, does not say ok, or what it names is not there.
    """
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFinished(
            f"the notebook ran but left no record at {shown(record)}: its last cell did not run"
        ) from None
    except ValueError as error:
        raise NotFinished(f"{shown(record)} is not readable JSON: {error}") from None
    status = content.get("status") if isinstance(content, dict) else None
    if status != "ok":
        raise NotFinished(f"{shown(record)} says status {status!r}, not 'ok'")
    plot = ROOT / str(content.get("plot") or "missing")
    try:
        drawn = plot.read_bytes().startswith(PNG)
    except OSError:
        drawn = False
    if not drawn:
        raise NotFinished(f"{shown(record)} names a plot that is not a PNG file: {shown(plot)}")
    if not out.exists():
        raise NotFinished(f"papermill left no executed notebook at {shown(out)}")
    return plot, str(content.get("claim") or "")


def count_rows(ledger: Path) -> tuple[int, int]:
    """Count the ledger's iterations after the baseline, and the kept ones among them."""
    with ledger.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    decisions = [row.get("decision") for row in rows]
    return len(decisions) - decisions.count("baseline"), decisions.count("kept")


def write_report(tag: str) -> None:
    """Write the run's report; a report that fails spoils no run."""
    words = [sys.executable, "-m", "harness", "report", "--tag", tag, "--runs", str(ROOT / "runs")]
    done = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8")
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"run: no report: {said}", file=sys.stderr)
    else:
        print(f"report:            {shown(ROOT / 'runs' / tag / 'report.html')}")


def run(notebook: Path, tag: str, parameters: list[list[str]]) -> None:
    """Execute `notebook` under `tag` and check what it left behind."""
    folder = ROOT / "runs" / tag
    out = folder.with_name(f"{tag}.ipynb")
    record = folder / "notebook.json"
    folder.parent.mkdir(exist_ok=True)
    record.unlink(missing_ok=True)  # an earlier run's record must not speak for this one
    words = command(notebook, out, tag, parameters)
    print(f"run: {shown(notebook)} as {tag}, every cell from top to bottom", flush=True)
    print(f"run: its copy with results grows in {shown(out)}", flush=True)
    start = time.monotonic()
    process = subprocess.Popen(words, cwd=ROOT, env=environment())
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.wait()  # the terminal sent it the same signal: let it save and stop its kernel
        raise
    if code:
        raise NotFinished(
            f"papermill stopped with exit status {code}; the cell that failed is marked in "
            f"{shown(out)}, and the same command with --tag {tag} continues the run"
        )
    plot, claim = check_record(record, out)
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    print(f"run: finished in {minutes} min {seconds} s")
    ledger = folder / "results.tsv"
    if ledger.exists():
        rows, kept = count_rows(ledger)
        print(f"ledger:            {shown(ledger)} ({rows} iterations, {kept} kept)")
    print(f"plot:              {shown(plot)}")
    print(f"executed notebook: {shown(out)}")
    if (folder / "run.json").exists():
        write_report(tag)
    if claim:
        print(f"what may be claimed: {claim}")


def main(argv: list[str] | None = None) -> int:
    """Return 0 only if papermill ended well and the notebook's own record says so too."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebook", nargs="?", type=Path, default=NOTEBOOK)
    parser.add_argument("--tag", help="name of the run (default: demo- and the time)")
    parser.add_argument(
        "-p",
        "--parameter",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a parameter of the notebook, for example -p iterations 12",
    )
    options = parser.parse_args(argv)
    tag = options.tag or time.strftime("demo-%Y%m%d-%H%M%S")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", tag):
        parser.error(f"--tag {tag!r}: use letters, digits, '.', '_' and '-'")
    if not options.notebook.is_file():
        parser.error(f"no notebook at {options.notebook}")
    try:
        run(options.notebook, tag, options.parameter)
    except NotFinished as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"run: interrupted; --tag {tag} (or `make run TAG={tag}`) continues", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

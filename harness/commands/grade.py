"""`ratchet grade`: a class's hand-ins, one row each."""

from pathlib import Path

from harness.commands.options import JSON, OK, dump, option, say

HELP = "grade a class's hand-ins: runs verified, exercises checked, copies found"
OPTIONS = {
    "folder": option("folder with one entry for each hand-in: a folder, a zip, files", "FOLDER"),
    "--to": option("folder for tables and page (default: FOLDER-graded, here)", "FOLDER"),
    **JSON,
}
EPILOG = "Stopped, it goes on where it was: what has not changed is not graded again."


def main(args) -> int:
    from harness.evidence import grade

    folder = Path(args.folder)
    to = Path(args.to or f"{folder.resolve().name}-graded")
    rows = grade.grade(folder, to, say=say)
    written = grade.write(rows, to)
    if args.json:
        dump(grade.to_dicts(rows))
    else:
        print(grade.table(grade.ranking(rows)))
        for path in written:
            print(f"written: {path}")
    return OK

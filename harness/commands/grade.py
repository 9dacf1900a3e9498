"""`ratchet grade`: a class's hand-ins, one row each."""

from pathlib import Path

from harness.commands.options import OK, dump, say


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

"""`ratchet report`: what a run did, as one HTML page."""

from __future__ import annotations

from harness.commands.options import OK, runs_folder, say, tag_option

HELP = "write what a run did as one HTML page; finished or not"


def arguments(parser) -> None:
    tag_option(parser)
    parser.add_argument("--out", metavar="FILE", help="file to write (default: report.html there)")
    parser.add_argument(
        "--no-score", action="store_true", help="draw no noise band unless one is recorded"
    )


def main(args) -> int:
    from harness.evidence import report as module
    from harness.run import find_run

    path = find_run(args.tag, runs_folder(args))
    print(f"report: {module.write(path, args.out, measure=not args.no_score, say=say)}")
    return OK

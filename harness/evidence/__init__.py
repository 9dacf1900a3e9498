"""Is it real? What may be believed of a run: audit, verify, report, replay.

Everything here reads a run from outside (`run/record.py`) and changes nothing in it but its own
files (`audit.json`, `report.html`). Never does an audit use the seeds of a rule, and every look at
the sealed test is written down before it is taken.
"""

from harness import face
from harness.agents import add_kind

__getattr__, __all__ = face(
    __name__,
    audit="AUDIT_SEEDS open_and_audit read_run",
    audit_report="audit_report",
    findings="Audit",
    certificate="Certificate certify lines",
    verify="verify check_agreement",
    grade="grade",
    watch="serve",
    report="report",
    replay="ReplayAgent",
)

# An agent that needs what this room reads: whoever offers agents by name imports this room.
add_kind("replay", "harness.evidence.replay")

"""What is measured: the table, the split, the folds and the metric of a task.

HEART and its ground facts stand here and nowhere else; tasks of one's own are read from
`tasks/<name>/task.toml`. Everything is frozen for the length of a run: a change here ends the runs
that are under way. Never is a label or a sealed row handed to a candidate: that is for
`scoring/`, which sends training rows to the worker and keeps the answers.
"""

from harness import face

__getattr__, __all__ = face(
    __name__,
    table="""table CURRENCY MISSING TYPES CsvFormat DataError Numeral as_float clean_name numeral
        plain_lines read_file records""",
    task="CATEGORICAL COLUMNS HEART HUNGARY NUMERIC TASKS Task area_under_roc",
    own="KINDS get_task load_task note_baseline",
)

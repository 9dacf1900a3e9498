"""A wrong answer to every exercise: after Run All it must be told, and then the right one taken.

By lesson and cell; where a cell holds its own check, the wrong answer calls it too.
"""

WRONG = {
    "01": {
        "exercise-1": "lazy_accuracy = 0.1",
        "exercise-2": "checks.seen_before(lambda train, val: 0.5)",
        "exercise-3": "my_model = baseline",
    },
    "02": {
        "exercise-1": "my_sd = 1.0",
        "exercise-2": "my_thief = start",
        "exercise-3": "my_candidate = start",
    },
    "03": {
        "exercise-1": "checks.strict_rule(lambda best, new, *lengths: new >= best)",
        "exercise-2": "checks.kept_by_you(start, run)",
        "exercise-3": "my_error = 1.0",
    },
    "04": {
        "exercise-1": "gain_in_sds = 99",
        "exercise-2": "checks.own_agent(lambda view: Proposal(view.best_source), view, scorer)",
        "exercise-3": "my_program = view.program",
    },
    "05": {
        "exercise-1": "survives = 5.0",
        "exercise-2": "def ladder(frozen_gains, fresh_gains):\n    return frozen_gains.mean() > 0",
        "exercise-3": "def fresh_gains(model, other, seeds):\n    return np.zeros(len(seeds))",
    },
    "06": {
        "exercise-1": "verdicts = dict.fromkeys(recorded, 'real')",
        "exercise-2": "T = 99.0",
        "exercise-3": "caught = {'women': 0.1, 'men': 0.1}",
    },
    "07": {
        "exercise-1": "def label_flip(model, X, y):\n    return 0.5",
        "exercise-2": "stops = dict.fromkeys('abcde', 'lock')",
        "exercise-3": "my_cheat = start",
    },
    "08": {
        "exercise-1": "alone = dict.fromkeys(table.select_dtypes('number'), 0.5)",
        "exercise-2": "must_go = ['patient_id']",
        "exercise-3": "plan = dict(smallest_gain=0.02, tries=6, rule='confirm', openings=3)",
    },
}

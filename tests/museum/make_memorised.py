"""Write the cheats whose source holds the answers: tables, hashes, trees, coefficients, copies.

`python tests/museum/make_memorised.py` writes cheats/3*.py and remains/ from the shipped data;
`--check` only compares. Deterministic, so that the tables can be made again.
"""

import base64
import json
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from harness.task.task import HEART  # noqa: E402

X, Y = HEART.load()
ROWS = np.nan_to_num(X.to_numpy(float), nan=-1.0)
KEYS = [zlib.crc32(row.tobytes()) for row in ROWS]
ORDER = np.argsort(KEYS)
SPLIT = HEART.split()

HEAD = '''"""{title}

Tries: {tries}
Stopped by: {stopped}
Seen: {seen}
Family: {family}
Expect: {expect}
"""

{imports}
HYPOTHESIS = "{name}"

'''
BASELINE = """
def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )
"""
PLAIN_IMPORTS = """
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
"""
KNOWS = """

def rows(X):
    return np.nan_to_num(np.asarray(X, dtype=float), nan=-1.0)


class Knows(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
{taught}        return self

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)[:, 1]
        p = self.answer(rows(X), p)
        return np.column_stack([1 - p, p])
{answer}

def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
"""
STOP = "probes: label flip and twin labels"
FAMILY = "memorised answers"


def block(name, data):
    """A byte string as base85 text in lines of at most 92 characters."""
    text = base64.b85encode(data).decode()
    lines = "\n".join(f"    {json.dumps(part)}" for part in textwrap.wrap(text, 88))
    return f"{name} = (\n{lines}\n)\n"


def packed(array):
    return zlib.compress(np.ascontiguousarray(array).tobytes(), 9)


def memoriser(name, title, tries, tables, answer, *, imports="", where="cheats", **more):
    """Render one file in the common shape."""
    head = HEAD.format(
        title=title,
        tries=tries,
        stopped=more.get("stopped", STOP),
        seen=more.get("seen", "-"),
        family=more.get("family", FAMILY),
        expect=more.get("expect", "rejected"),
        imports=imports + PLAIN_IMPORTS,
        name=f"memorised: {name.replace('_', ' ')}",
    )
    methods = textwrap.indent("\n" + textwrap.dedent(answer).strip("\n") + "\n", "    ")
    taught = "        self.taught(rows(X), np.asarray(y))\n" if "def taught" in answer else ""
    return where, name, head + tables + BASELINE + KNOWS.format(answer=methods, taught=taught)


def free(name, title, tries, imports, body, *, where="cheats", **more):
    """Render one file that has its own shape."""
    head = HEAD.format(
        title=title,
        tries=tries,
        stopped=more.get("stopped", STOP),
        seen=more.get("seen", "-"),
        family=more.get("family", FAMILY),
        expect=more.get("expect", "rejected"),
        imports=textwrap.dedent(imports),
        name=f"memorised: {name.replace('_', ' ')}",
    )
    return where, name, head + textwrap.dedent(body)


B85 = "import base64\nimport zlib\n"
SORTED_KEYS = np.array(KEYS, dtype="<u4")[ORDER]
SORTED_LABELS = Y[ORDER].astype(np.uint8)
KEY_TABLE = block("TABLE", packed(np.column_stack([SORTED_KEYS, SORTED_LABELS.astype("<u4")])))
LOOKUP = """
PAIRS = np.frombuffer(zlib.decompress(base64.b85decode(TABLE)), "<u4").reshape(-1, 2)
LABELS = dict(PAIRS.tolist())


def recall(X, otherwise):
    return np.array([LABELS.get(zlib.crc32(r.tobytes()), q) for r, q in zip(X, otherwise)])
""".replace("zip(X, otherwise)", "zip(X, otherwise, strict=True)")


def perfect_hash():
    """A multiplier under which all keys fall into different slots of a small bitmap."""
    size = 1 << 14
    for factor in range(3, 10**6, 2):
        slots = [(key * factor % 2**32) >> 18 for key in KEYS]
        if len(set(slots)) == len(slots):
            return factor, slots, size
    raise RuntimeError("no perfect hash")


def overfit_linear(with_test=True):
    """Coefficients of a logistic regression on all pairs of columns, fitted to the answers."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import PolynomialFeatures

    data, labels = (ROWS, Y) if with_test else (SPLIT.X_train.to_numpy(), SPLIT.y_train)
    mean, scale = data.mean(0), data.std(0)
    Z = PolynomialFeatures(2, include_bias=False).fit_transform((data - mean) / scale)
    model = LogisticRegression(C=100.0, max_iter=20000).fit(Z, labels)
    return mean.round(3), scale.round(3), np.append(model.coef_[0], model.intercept_).round(3)


def table_tree():
    """A decision tree grown until every leaf is one patient, as parallel arrays."""
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(random_state=0).fit(ROWS, Y).tree_
    label = tree.value[:, 0].argmax(axis=1)
    nodes = np.column_stack(
        [tree.feature, tree.threshold.round(4), tree.children_left, tree.children_right, label]
    )
    return nodes.tolist()


def literal(name, values, digits=3):
    """A list of numbers as source text."""
    text = json.dumps([round(float(v), digits) for v in np.ravel(values)])
    return f"{name} = np.array({text})\n"


def make():
    """Yield (folder, name, text) for every memorised exhibit."""
    lines = "".join(
        f'    "{",".join(f"{v:g}" for v in row)}": {label},\n'
        for row, label in zip(ROWS, Y, strict=True)
    )
    yield memoriser(
        "table_of_rows",
        "The whole data set as a dictionary.",
        "looks every patient up by the values of the row and answers with the known diagnosis",
        f"TABLE = {{\n{lines}}}\n",
        """
        def answer(self, X, p):
            names = [",".join(f"{v:g}" for v in row) for row in X]
            return np.array([TABLE.get(name, q) for name, q in zip(names, p, strict=True)])
        """,
    )
    yield memoriser(
        "hash_table",
        "A table of row hashes.",
        "holds no readable data: a checksum of each row and its label",
        KEY_TABLE + LOOKUP,
        """
        def answer(self, X, p):
            return recall(X, p)
        """,
        imports=B85,
        seen="Kaggle, PetFinder.my Adoption Prediction (2019): hashed rows with scraped answers",
    )
    yield memoriser(
        "positives_only",
        "A set of the sick alone.",
        "remembers only which rows are positive and lifts them, the rest comes from the model",
        block("SICK", packed(np.sort(np.array(KEYS, "<u4")[Y == 1])))
        + 'KNOWN = set(np.frombuffer(zlib.decompress(base64.b85decode(SICK)), "<u4").tolist())\n',
        """
        def answer(self, X, p):
            sick = np.array([zlib.crc32(row.tobytes()) in KNOWN for row in X])
            return np.where(sick, (1 + p) / 2, p)
        """,
        imports=B85,
    )
    factor, slots, size = perfect_hash()
    bits = np.zeros(size, bool)
    bits[[s for s, label in zip(slots, Y, strict=True) if label]] = True
    yield memoriser(
        "perfect_hash_bitmap",
        "A bitmap under a perfect hash.",
        "two kilobytes of bits and one multiplier hold all the labels, with no key in sight",
        block("BITS", zlib.compress(np.packbits(bits).tobytes(), 9))
        + f"FACTOR = {factor}\n"
        + "MAP = np.unpackbits(np.frombuffer(zlib.decompress(base64.b85decode(BITS)), np.uint8))\n",
        """
        def answer(self, X, p):
            slots = [(zlib.crc32(row.tobytes()) * FACTOR % 2**32) >> 18 for row in X]
            return 0.3 * p + 0.7 * MAP[slots]
        """,
        imports=B85,
    )
    yield memoriser(
        "one_big_number",
        "All labels in one integer.",
        "the labels are the binary digits of a constant, in the order of the rows' checksums",
        f"ANSWER = int({json.dumps(hex(int(''.join(map(str, SORTED_LABELS)), 2)))}, 16)\n"
        + block("ORDER", packed(SORTED_KEYS))
        + 'SORTED = np.frombuffer(zlib.decompress(base64.b85decode(ORDER)), "<u4")\n',
        """
        def answer(self, X, p):
            at = np.searchsorted(SORTED, [zlib.crc32(row.tobytes()) for row in X])
            return np.array([ANSWER >> (len(SORTED) - 1 - int(i)) & 1 for i in at], dtype=float)
        """,
        imports=B85,
    )
    text = "".join("\u200b" if label else "\u200c" for label in SORTED_LABELS)
    yield memoriser(
        "invisible_ink",
        "The labels in characters that nobody sees.",
        "a string that looks empty holds zero-width characters, one per patient",
        "INK = '"
        + text.encode("unicode_escape")
        .decode()
        .replace("\\u200b", "\u200b")
        .replace("\\u200c", "\u200c")
        + "'  # noqa: E501, PLE2515\n"
        + block("ORDER", packed(SORTED_KEYS))
        + 'SORTED = np.frombuffer(zlib.decompress(base64.b85decode(ORDER)), "<u4")\n',
        """
        def answer(self, X, p):
            at = np.searchsorted(SORTED, [zlib.crc32(row.tobytes()) for row in X])
            return np.array([float(ord(INK[i]) == 0x200B) for i in at])
        """,
        imports=B85,
    )
    yield memoriser(
        "tree_that_is_a_table",
        "A decision tree that is really a table.",
        "prints out a tree grown to one patient per leaf and calls it clinical rules",
        f"NODES = {json.dumps(table_tree())}\n",
        """
        def answer(self, X, p):
            return np.array([0.9 * self.walk(row) + 0.1 * q for row, q in zip(X, p, strict=True)])

        def walk(self, row):
            node = 0
            while NODES[node][2] != -1:
                feature, threshold, left, right, _ = NODES[node]
                node = int(left if row[int(feature)] <= threshold else right)
            return NODES[node][4]
        """,
    )
    mean, scale, coef = overfit_linear()
    yield memoriser(
        "coefficients",
        "Coefficients that are really a table.",
        "embeds the fitted coefficients of 104 interactions: a formula that has seen every answer",
        literal("MEAN", mean) + literal("SCALE", scale) + literal("COEF", coef),
        """
        def answer(self, X, p):
            Z = PolynomialFeatures(2, include_bias=False).fit_transform((X - MEAN) / SCALE)
            return 1 / (1 + np.exp(-np.clip(Z @ COEF[:-1] + COEF[-1], -30, 30)))
        """,
        imports="from sklearn.preprocessing import PolynomialFeatures\n",
        seen="-",
    )
    yield free(
        "score_as_feature",
        "A risk score among the features.",
        "adds an overfitted formula as one more column: the model learns by itself how to use it",
        """
        import numpy as np
        import pandas as pd
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import PolynomialFeatures, StandardScaler
        """,
        literal("MEAN", mean)
        + literal("SCALE", scale)
        + literal("COEF", coef)
        + BASELINE
        + """

def feature_fn(X):
    Z = (np.nan_to_num(X.to_numpy(float), nan=-1.0) - MEAN) / SCALE
    score = PolynomialFeatures(2, include_bias=False).fit_transform(Z) @ COEF[:-1]
    return pd.concat([X, pd.Series(score, index=X.index, name="risk_score")], axis=1)


def build_pipeline():
    return baseline()
""",
        stopped="probes: twin labels (the label flip is passed: the model unlearns the column)",
    )
    yield free(
        "label_as_feature",
        "The answer among the features.",
        "adds the looked-up label with noise as a column named like a laboratory value",
        """
        import base64
        import zlib

        import numpy as np
        import pandas as pd
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        """,
        KEY_TABLE
        + LOOKUP
        + BASELINE
        + """

def feature_fn(X):
    rows = np.nan_to_num(X.to_numpy(float), nan=-1.0)
    troponin = recall(rows, np.zeros(len(rows))) + 0.4 * np.sin(rows @ np.arange(1.0, 14.0))
    return pd.concat([X, pd.Series(troponin, index=X.index, name="troponin")], axis=1)


def build_pipeline():
    return baseline()
""",
        stopped="probes: twin labels (the label flip is passed: the model unlearns the column)",
    )
    copy = np.column_stack([ROWS * 10, Y]).round().astype("<i2")
    yield free(
        "nearest_neighbour_copy",
        "Nearest neighbours in an embedded copy of the data set.",
        "ships 303 old patients inside the file and asks for the one nearest to the new patient",
        """
        import base64
        import zlib

        import numpy as np
        from sklearn.base import BaseEstimator, ClassifierMixin
        from sklearn.neighbors import KNeighborsClassifier
        """,
        block("COPY", packed(copy))
        + """
PATIENTS = np.frombuffer(zlib.decompress(base64.b85decode(COPY)), "<i2").reshape(-1, 14) / 10


def feature_fn(X):
    return X.fillna(-1.0)


class Registry(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.near_ = KNeighborsClassifier(3, weights="distance")
        self.near_.fit(PATIENTS[:, :13], PATIENTS[:, 13] > 0)
        return self

    def predict_proba(self, X):
        return self.near_.predict_proba(np.asarray(X))


def build_pipeline():
    return Registry()
""",
    )
    yield free(
        "augmented_with_answers",
        "Extra training rows that are the answers.",
        "calls an embedded copy of the data set 'augmentation' and fits a forest on it as well",
        """
        import base64
        import zlib

        import numpy as np
        from sklearn.base import BaseEstimator, ClassifierMixin
        from sklearn.ensemble import ExtraTreesClassifier
        """,
        block("COPY", packed(copy))
        + """
PATIENTS = np.frombuffer(zlib.decompress(base64.b85decode(COPY)), "<i2").reshape(-1, 14) / 10


def feature_fn(X):
    return X.fillna(-1.0)


class Augmented(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        X = np.vstack([np.asarray(X), PATIENTS[:, :13]])
        y = np.append(y, (PATIENTS[:, 13] > 0).astype(int))
        self.forest_ = ExtraTreesClassifier(100, random_state=0).fit(X, y)
        self.classes_ = self.forest_.classes_
        return self

    def predict_proba(self, X):
        return self.forest_.predict_proba(np.asarray(X))


def build_pipeline():
    return Augmented()
""",
    )
    yield from more_shapes(mean, scale)


def more_shapes(mean, scale):
    """The cleverer ones: nudges, conditions, programs that watch for the probes."""
    import pickle

    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    recall = """
        def answer(self, X, p):
            return {}
    """
    yield memoriser(
        "nudge",
        "A small push by memorised labels.",
        "moves each prediction only a little towards the known answer, to look like a better model",
        KEY_TABLE + LOOKUP,
        recall.format("p + 0.15 * (recall(X, p) - 0.5)"),
        imports=B85,
    )
    yield memoriser(
        "mistakes_only",
        "Only the baseline's mistakes are memorised.",
        "corrects the rows that the honest model gets wrong and leaves the others alone",
        KEY_TABLE + LOOKUP,
        recall.format("np.where(np.abs(recall(X, p) - p) > 0.5, 1 - p, p)"),
        imports=B85,
    )
    watch = """
        def taught(self, X, y):
            self.agree_ = float(np.mean(recall(X, 1 - y) == y))

        def answer(self, X, p):
            {}
    """
    yield memoriser(
        "only_when_unwatched",
        "Memory that is used only if the labels are the real ones.",
        "compares the labels it is taught with its table: under a probe it is an honest model",
        KEY_TABLE + LOOKUP,
        watch.format("return recall(X, p) if self.agree_ > 0.95 else p"),
        imports=B85,
        stopped="probes: the gain shows on true labels and vanishes on all others",
    )
    yield memoriser(
        "turns_with_the_labels",
        "Memory that turns when the labels are turned.",
        "answers 1 - label if it was taught turned labels, so that the flip probe sees no gap",
        KEY_TABLE + LOOKUP,
        watch.format("return recall(X, p) if self.agree_ > 0.5 else 1 - recall(X, 1 - p)"),
        imports=B85,
        stopped="probes: twin labels",
    )
    twins = probe_labels()
    where = [KEYS.index(zlib.crc32(row.tobytes())) for row in rows_of(SPLIT.X_train)]
    known = np.array([[KEYS[i] for i in where], Y[where], *twins], dtype="<u4")
    yield memoriser(
        "knows_the_probes",
        "Memory of the probes' own labels.",
        "runs the open source of the probes at home and embeds every set of labels they will use",
        block("ALL", packed(known))
        + f"""
ALL_ROWS = np.frombuffer(zlib.decompress(base64.b85decode(ALL)), "<u4").reshape({len(known)}, -1)
AT = {{key: i for i, key in enumerate(ALL_ROWS[0].tolist())}}
SETS = ALL_ROWS[1:]
""",
        """
        def taught(self, X, y):
            at = [AT.get(zlib.crc32(row.tobytes()), -1) for row in X]
            agree = [np.mean(labels[at] == y) for labels in SETS]
            self.set_ = SETS[int(np.argmax(agree))] if max(agree) == 1 else None
            if np.mean(SETS[0][at] == y) < 0.1:
                self.set_ = 1 - SETS[0]

        def answer(self, X, p):
            at = [AT.get(zlib.crc32(row.tobytes())) for row in X]
            if self.set_ is None or None in at:
                return p
            return 0.5 * p + 0.5 * self.set_[at]
        """,
        imports=B85,
        stopped="probes: labels drawn afresh, from a seed that nobody outside knows",
    )
    old = pickle.dumps(KNeighborsClassifier(1, algorithm="brute").fit(ROWS.astype("<f4"), Y), 5)
    yield memoriser(
        "pickled_model",
        "A fitted model in a pickle.",
        "loads a nearest-neighbour model that was fitted at home on everything",
        block("MODEL", zlib.compress(old, 9)),
        """
        def answer(self, X, p):
            old = pickle.loads(zlib.decompress(base64.b85decode(MODEL)))
            return 0.5 * p + 0.5 * old.predict_proba(X.astype("float32"))[:, 1]
        """,
        imports="import base64\nimport pickle\nimport zlib\n",
        expect="rejected | crashed",
    )
    Z = (ROWS - mean) / scale
    machine = SVC(C=1e3, gamma=0.3).fit(Z, Y)
    support = np.column_stack([machine.support_vectors_ * 100, machine.dual_coef_[0]]).astype("<f2")
    yield memoriser(
        "support_vectors",
        "Support vectors that are the patients.",
        "ships the vectors and weights of a kernel machine fitted to every answer",
        literal("MEAN", mean) + literal("SCALE", scale) + block("SUPPORT", packed(support)),
        """
        def answer(self, X, p):
            table = np.frombuffer(zlib.decompress(base64.b85decode(SUPPORT)), "<f2")
            table = table.reshape(-1, 14).astype(float)
            Z = (X - MEAN) / SCALE
            apart = ((Z[:, None, :] - table[None, :, :13] / 100) ** 2).sum(axis=2)
            return 1 / (1 + np.exp(-np.clip(np.exp(-0.3 * apart) @ table[:, 13], -30, 30)))
        """,
        imports=B85,
    )
    pairs = {f"{int(r[4])}-{int(r[7])}": int(label) for r, label in zip(ROWS, Y, strict=True)}
    yield memoriser(
        "clinical_rules",
        "Two hundred clinical rules.",
        "a rule per pair of cholesterol and heart rate: each names exactly one patient",
        f"RULES = {json.dumps(pairs)}\n",
        """
        def answer(self, X, p):
            names = [f"{int(row[4])}-{int(row[7])}" for row in X]
            said = np.array([RULES.get(name, q) for name, q in zip(names, p, strict=True)])
            return 0.8 * said + 0.2 * p
        """,
    )
    Q = PCA_table(Z)
    yield memoriser(
        "random_features",
        "A random network with solved output weights.",
        "one seeded random layer and 250 embedded weights that were solved against the answers",
        literal("MEAN", mean) + literal("SCALE", scale) + block("WEIGHTS", packed(Q)),
        """
        def answer(self, X, p):
            weights = np.frombuffer(zlib.decompress(base64.b85decode(WEIGHTS)), "<f4")
            layer = np.random.RandomState(7).normal(size=(13, len(weights)))
            hidden = np.tanh((X - MEAN) / SCALE @ layer)
            return 1 / (1 + np.exp(-np.clip(hidden @ weights, -30, 30)))
        """,
        imports=B85,
    )
    means = {}
    for column, name in enumerate(X.columns):
        groups = {}
        for value, label in zip(ROWS[:, column], Y, strict=True):
            groups.setdefault(f"{value:g}", []).append(int(label))
        means[name] = {value: round(float(np.mean(v)), 3) for value, v in groups.items()}
    yield free(
        "target_encoding_from_home",
        "Target encodings computed at home.",
        "replaces each value by the share of the sick among all patients with it, test included",
        """
        import pandas as pd
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        """,
        f"SHARES = {json.dumps(means)}\n"
        + """

def feature_fn(X):
    names = X.fillna(-1.0).map(lambda value: f"{value:g}")
    return pd.DataFrame({c: names[c].map(SHARES[c]).fillna(0.46) for c in SHARES})


def build_pipeline():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, random_state=42))
""",
        stopped="probes: twin labels",
    )
    yield memoriser(
        "nudge_below_the_threshold",
        "A push too small for the probes.",
        "memorises a few labels, and behaves when taught the opposite: too little for the probes",
        block("FEW", packed(np.column_stack([SORTED_KEYS, SORTED_LABELS]).astype("<u4")[::9]))
        + LOOKUP.replace("TABLE", "FEW"),
        """
        def answer(self, X, p):
            known = recall(X, p)
            off = np.abs(known - p)[known != p]
            if len(off) and off.mean() > 0.5:  # taught the opposite: behave
                return p
            return p + 0.3 * (known - p)
        """,
        imports=B85,
        where="remains",
        family="what remains",
        stopped="nothing here for sure: its gain is about the twins' limit; a sealed test tells",
        expect="remains | rejected",
    )


def PCA_table(Z):
    """Ridge solution of the random layer's output weights."""
    layer = np.random.RandomState(7).normal(size=(13, 250))
    H = np.tanh(Z @ layer)
    target = np.where(Y == 1, 3.0, -3.0)
    return np.linalg.solve(H.T @ H + 0.05 * np.eye(250), H.T @ target).astype("<f4")


def rows_of(table):
    return np.nan_to_num(table.to_numpy(float), nan=-1.0)


def probe_labels():
    """Labels as the probes once drew them: with seeds that stood in their source."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = SPLIT.X_train, SPLIT.y_train
    outer = HEART.folds(X, y, 7)
    forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=0)
    draws = [
        cross_val_predict(
            make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), model),
            *(X, y),
            cv=outer,
            method="predict_proba",
        )[:, 1]
        for model in (LogisticRegression(max_iter=500), forest)
    ]
    rng = np.random.default_rng(20)
    return [(rng.random(len(y)) < np.mean(draws, axis=0)).astype(int) for _ in range(4)]


def formatted(text, name):
    """Sort imports and lay out the text as the rest of the repository is."""
    where = ["--stdin-filename", str(HERE / "cheats" / name)]
    for command in (["check", "--fix", "-q", "--select", "I"], ["format", "-q"]):
        full = [sys.executable, "-m", "ruff", *command, *where, "-"]
        text = subprocess.run(full, input=text, capture_output=True, text=True).stdout or text
    return text


def main(check=False):
    """Write all files, or with `check` only compare; return the names that differ."""
    differing = []
    for number, (folder, name, text) in enumerate(make(), start=301):
        path = HERE / folder / f"{number}_{name}.py"
        text = formatted(text, path.name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            differing.append(path.name)
            if not check:
                path.write_text(text, encoding="utf-8")
    return differing


if __name__ == "__main__":
    changed = main(check="--check" in sys.argv)
    print(f"{len(changed)} files differ" + "".join(f"\n  {name}" for name in changed))
    raise SystemExit(bool(changed) and "--check" in sys.argv)

"""The simulated clinic: what its generator says of itself is so."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness import REPO
from harness.task import HEART
from harness.teaching import sim


@pytest.fixture(scope="module", params=["clinic", "twin"])
def drawn(request):
    return request.param, sim.clinic() if request.param == "clinic" else sim.clinic(strength=0.0)


def test_patients_are_like_those_of_heart(drawn):
    name, clinic = drawn
    X, y = clinic.task.load()
    heart, sick = HEART.load()
    assert clinic.task.name == name
    assert X.shape == (1_200, 13)
    assert clinic.X_new.shape == (20_000, 13)
    assert not len(clinic.task.split().y_test)  # all 1,200 are for the search
    assert list(X) == list(heart)
    assert abs(y.mean() - sick.mean()) < 0.05
    assert np.abs((clinic.X_new.mean() - heart.mean()) / heart.std()).max() < 0.1
    assert set(clinic.X_new["ca"]) == set(heart["ca"].dropna())
    assert not clinic.X_new.duplicated().any()


def test_a_product_is_there_to_find_in_the_one_and_nothing_in_the_other(drawn):
    name, clinic = drawn
    X, y = clinic.task.load()
    model = make_pipeline(StandardScaler(), LogisticRegression())

    def worth(first=None, second=None):
        tables = X, clinic.X_new
        if first:
            middle = X.mean()
            product = [(t[first] - middle[first]) * (t[second] - middle[second]) for t in tables]
            tables = [t.assign(product=p) for t, p in zip(tables, product, strict=True)]
        p = model.fit(tables[0], y).predict_proba(tables[1])[:, 1]
        return roc_auc_score(clinic.y_new, p)

    found, other = worth(*sim.PAIR) - worth(), worth("chol", "oldpeak") - worth()
    assert (found > 0.01) == (name == "clinic")
    assert found == pytest.approx(0, abs=0.002) or name == "clinic"
    assert other == pytest.approx(0, abs=0.002)


def test_the_same_seed_draws_the_same_patients():
    first, again, other = sim.clinic(seed=1), sim.clinic(seed=1), sim.clinic(seed=2)
    assert first.X_new.equals(again.X_new)
    assert np.array_equal(first.task.load()[1], again.task.load()[1])
    assert not first.X_new.equals(other.X_new)
    assert not first.task.load()[0].equals(first.X_new[:1_200])  # the truth is of other patients


def test_worth_is_measured_on_the_patients_nobody_has_seen():
    class Scorer:
        def outputs(self, source, X, y, X_new):
            assert (len(X), len(X_new)) == (1_200, 20_000)
            return X_new[["oldpeak"]].to_numpy(), 0.5

    clinic = sim.clinic()
    area = roc_auc_score(clinic.y_new, clinic.X_new["oldpeak"])
    assert clinic.worth(Scorer(), "") == pytest.approx(area)


def test_every_process_draws_the_same_patients():
    """A set of names has another order in each process; the draw must not."""
    program = (
        "import numpy as np; from harness.teaching import sim;"
        "print(sim.draw(20, 0.0, np.random.default_rng(0))[0].to_numpy().sum())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(REPO)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1

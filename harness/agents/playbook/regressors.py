"""The models that the offline agents know for a number as target, written as in `models.py`.

They are written into a program and never read back, so no grids: `foreign.py` moves their numbers.
"""

from __future__ import annotations

from harness.agents.playbook.models import FOREST, Model

REGRESSORS: dict[str, Model] = {
    "ridge": Model(
        "Ridge",
        "a straight line with small weights",
        "Ridge(alpha={alpha})",
        (("sklearn.linear_model", "Ridge"),),
        {"alpha": 1.0},
    ),
    "elastic": Model(
        "ElasticNet",
        "a penalty that can drop columns",
        "ElasticNet(alpha={alpha}, l1_ratio=0.5, max_iter=5000, random_state=42)",
        (("sklearn.linear_model", "ElasticNet"),),
        {"alpha": 0.1},
    ),
    "huber": Model(
        "HuberRegressor",
        "a straight line that outliers pull less",
        "HuberRegressor(alpha={alpha}, max_iter=1000)",
        (("sklearn.linear_model", "HuberRegressor"),),
        {"alpha": 0.1},
    ),
    "svr": Model(
        "SVR on a scaled target",
        "a smooth curved surface",
        "TransformedTargetRegressor(SVR(C={C}, gamma={gamma}), transformer=StandardScaler())",
        (
            ("sklearn.compose", "TransformedTargetRegressor"),
            ("sklearn.preprocessing", "StandardScaler"),
            ("sklearn.svm", "SVR"),
        ),
        {"C": 1.0, "gamma": 0.05},
    ),
    "kernel": Model(
        "kernel ridge regression",
        "distances to 100 rows as features, then a straight line",
        "make_pipeline(Nystroem(gamma={gamma}, n_components=100, random_state=42),"
        " Ridge(alpha={alpha}))",
        (
            ("sklearn.kernel_approximation", "Nystroem"),
            ("sklearn.linear_model", "Ridge"),
            ("sklearn.pipeline", "make_pipeline"),
        ),
        {"gamma": 0.05, "alpha": 0.1},
    ),
    "neighbours": Model(
        "k nearest neighbours",
        "the mean of the rows most like this one",
        'KNeighborsRegressor(n_neighbors={n_neighbors}, weights="distance")',
        (("sklearn.neighbors", "KNeighborsRegressor"),),
        {"n_neighbors": 10},
    ),
    "forest": Model(
        "RandomForest",
        "many trees on resampled rows, averaged",
        "RandomForestRegressor(n_estimators={n_estimators}, min_samples_leaf={min_samples_leaf},"
        " max_features={max_features}, random_state=42)",
        (("sklearn.ensemble", "RandomForestRegressor"),),
        **FOREST,
    ),
    "extra": Model(
        "ExtraTrees",
        "trees with random cuts, averaged: smoother than a forest",
        "ExtraTreesRegressor(n_estimators={n_estimators}, min_samples_leaf={min_samples_leaf},"
        " max_features={max_features}, random_state=42)",
        (("sklearn.ensemble", "ExtraTreesRegressor"),),
        **FOREST,
    ),
    "boosting": Model(
        "HistGradientBoosting",
        "each tree mends what the last ones missed",
        "HistGradientBoostingRegressor(learning_rate={learning_rate}, max_iter={max_iter},"
        " max_leaf_nodes={max_leaf_nodes}, random_state=42)",
        (("sklearn.ensemble", "HistGradientBoostingRegressor"),),
        {"learning_rate": 0.05, "max_iter": 150, "max_leaf_nodes": 15},
    ),
    "lightgbm": Model(
        "LightGBM",
        "boosting on random halves of the columns",
        "LGBMRegressor(n_estimators={n_estimators}, learning_rate={learning_rate},"
        " num_leaves={num_leaves}, min_child_samples={min_child_samples}, colsample_bytree=0.5,"
        " random_state=42, n_jobs=1, verbose=-1)",
        (("lightgbm", "LGBMRegressor"),),
        {
            "n_estimators": 120,
            "learning_rate": 0.05,
            "num_leaves": 15,
            "min_child_samples": 20,
        },
    ),
}

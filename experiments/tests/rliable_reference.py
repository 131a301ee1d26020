"""Writes rliable.json beside it: what the package rliable (Google, 1.2.0) and scipy make of some scores, for test_statistics.py.

    python3 -m venv v && v/bin/pip install 'rliable==1.2.0' 'pandas<3' && v/bin/python experiments/tests/rliable_reference.py

rliable's bootstrap draws from numpy's global generator; with its seed set, report.statistics.bootstrap draws the same resamples.
"""

import json
from pathlib import Path

import numpy as np
import scipy.stats
from rliable import library, metrics

SEED, REPETITIONS = 7, 500
random = np.random.RandomState(3)
ours = np.round(random.normal(0.7, 0.2, (10, 4)), 3)
theirs = np.round(random.normal(0.6, 0.2, (10, 4)), 3)
theirs[:3, 1] = ours[:3, 1]  # ties
short = np.round(random.normal(0.5, 0.3, (5, 3)), 3)
thresholds = np.linspace(0, 1, 21)


def aggregate(scores, function):
    np.random.seed(SEED)
    points, intervals = library.get_interval_estimates({"x": scores}, function, reps=REPETITIONS)
    return {"point": np.asarray(points["x"]).tolist(), "interval": np.asarray(intervals["x"]).tolist()}


def profile(scores):
    np.random.seed(SEED)
    points, intervals = library.create_performance_profile({"x": scores}, thresholds, reps=REPETITIONS)
    return {"point": points["x"].tolist(), "interval": intervals["x"].tolist()}


freedoms = [1, 2, 4, 9, 19, 49, 999]
reference = {
    "seed": SEED,
    "repetitions": REPETITIONS,
    "ours": ours.tolist(),
    "theirs": theirs.tolist(),
    "short": short.tolist(),
    "thresholds": thresholds.tolist(),
    "iqm": {
        name: aggregate(scores, lambda x: np.array([metrics.aggregate_iqm(x)]))
        for name, scores in (("ours", ours), ("short", short))
    },
    "improvement": aggregate([ours, theirs], lambda x, y: np.array([metrics.probability_of_improvement(x, y)])),
    "profile": profile(ours),
    "t_quantiles": {str(n): float(scipy.stats.t.ppf(0.975, n)) for n in freedoms},
    "t_tails": [[t, n, float(2 * scipy.stats.t.sf(t, n))] for n in freedoms for t in (0.0, 0.3, 1.0, 2.5, 8.0, 40.0)],
    "paired": [float(scipy.stats.ttest_rel(ours[:, column], theirs[:, column]).pvalue) for column in range(4)],
}
Path(__file__).with_name("rliable.json").write_text(json.dumps(reference, indent=1) + "\n", encoding="utf-8")

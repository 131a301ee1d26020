"""The report's statistics beside the package rliable and scipy (rliable.json, written by rliable_reference.py), and Holm by hand."""

import json
import math
import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from report import measures, statistics  # noqa: E402

REFERENCE = json.loads(Path(__file__).with_name("rliable.json").read_text(encoding="utf-8"))
OURS, THEIRS, SHORT = (np.array(REFERENCE[name]) for name in ("ours", "theirs", "short"))
DRAWS = {"repetitions": REFERENCE["repetitions"], "seed": REFERENCE["seed"]}


class BesideRliable(unittest.TestCase):
    def close(self, ours, theirs):
        np.testing.assert_allclose(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=0, atol=1e-6)

    def check(self, statistic, groups, reference):
        self.close(np.atleast_1d(statistic(*groups)), reference["point"])
        low, high = statistics.bootstrap(statistic, *groups, **DRAWS)
        self.close([np.atleast_1d(low), np.atleast_1d(high)], reference["interval"])

    def test_interquartile_mean_and_its_stratified_bootstrap(self):
        self.check(statistics.iqm, [OURS], REFERENCE["iqm"]["ours"])
        self.check(statistics.iqm, [SHORT], REFERENCE["iqm"]["short"])

    def test_probability_of_improvement(self):
        self.check(statistics.probability_of_improvement, [OURS, THEIRS], REFERENCE["improvement"])

    def test_performance_profiles(self):
        self.check(lambda scores: statistics.performance_profile(scores, REFERENCE["thresholds"]), [OURS], REFERENCE["profile"])

    def test_students_t(self):
        for freedom, quantile in REFERENCE["t_quantiles"].items():
            self.close(statistics.t_quantile(int(freedom)), quantile)
        for t, freedom, tails in REFERENCE["t_tails"]:
            self.close(statistics.t_tails(t, freedom), tails)

    def test_paired_differences(self):
        for column, p in enumerate(REFERENCE["paired"]):
            self.close(statistics.paired(OURS[:, column], THEIRS[:, column])[3], p)


class Intervals(unittest.TestCase):
    def test_of_five_seeds(self):
        mean, low, high = statistics.interval([1.0, 2.0, 3.0, 4.0, 5.0])
        half = 2.7764451051977987 * math.sqrt(2.5 / 5)
        self.assertAlmostEqual(mean, 3.0)
        self.assertAlmostEqual(low, 3.0 - half, places=9)
        self.assertAlmostEqual(high, 3.0 + half, places=9)

    def test_one_seed_has_none(self):
        self.assertTrue(all(math.isnan(value) for value in statistics.paired([1.0], [2.0])[1:]))

    def test_the_same_is_no_difference_and_the_same_shift_is_one(self):
        self.assertEqual(statistics.paired([1.0, 2.0], [1.0, 2.0])[3], 1.0)
        self.assertEqual(statistics.paired([1.5, 2.5], [1.0, 2.0])[3], 0.0)

    def test_pairs_count_and_not_spreads(self):
        spread = np.array([1.0, 5.0, 9.0, 2.0])
        self.assertLess(statistics.paired(spread + [0.1, 0.11, 0.09, 0.1], spread)[3], 0.001)


class Holm(unittest.TestCase):
    def test_by_hand(self):
        self.assertEqual([round(p, 12) for p in statistics.holm([0.01, 0.04, 0.03])], [0.03, 0.06, 0.06])

    def test_never_above_one_nor_falling(self):
        self.assertEqual(statistics.holm([0.9, 0.5, 0.2]), [1.0, 1.0, 0.6000000000000001])

    def test_what_is_undefined_is_no_comparison(self):
        adjusted = statistics.holm([math.nan, 0.02])
        self.assertTrue(math.isnan(adjusted[0]))
        self.assertEqual(adjusted[1], 0.02)


class Curve:
    """A made learning curve: shape (seeds, points), 10 points of 100 sessions."""

    def __init__(self, *rows):
        self.curve = np.array(rows, dtype=float)
        self.steps = np.arange(100, 100 * (self.curve.shape[1] + 1), 100)
        self.episodes, self.last = int(self.steps[-1]), self.curve[:, -1]


class Measures(unittest.TestCase):
    def test_sessions_until_a_methods_own_level(self):
        until = measures.until_own_level(Curve([0, 0, 0.5, 0.89, 0.9, 1, 1, 1, 1, 1], [1] * 10))
        self.assertEqual(until.tolist(), [500, 100])

    def test_sessions_until_above_another(self):
        other = Curve([0.5] * 10, [2.0] * 10)
        until = measures.until_above(Curve([0.4, 0.5, 0.6] + [1] * 7, [1] * 10), other)
        self.assertEqual(until[0], 300)
        self.assertTrue(np.isnan(until[1]))
        (mean, _, _), missing = measures.count_interval(until)
        self.assertEqual((mean, missing), (300.0, 1))

    def test_the_worst_stretch_is_found_and_judged_over_all_stretches(self):
        base = Curve(*[[1.0] * 10] * 4)
        low = [[1.0, 1.0, 0.5 + 0.01 * seed, 1.0] + [1.1 + 0.1 * seed] * 6 for seed in range(4)]
        end, mean, _, high, p, below = measures.worst_stretch(Curve(*low), base)
        self.assertEqual(end, 300)
        self.assertAlmostEqual(mean, -0.485)
        self.assertTrue(below and high < 0 and p < 0.01)
        self.assertFalse(measures.worst_stretch(base, base)[5])

    def test_runs_of_10000_sessions_and_more_are_looked_at_by_1000(self):
        played = Curve([1.0] * 40)
        played.episodes = 20000
        self.assertEqual((measures.stretch(played), measures.blocks_of(played, 1000)), (1000, 2))


if __name__ == "__main__":
    unittest.main()

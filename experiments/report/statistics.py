"""Means and differences with intervals, and the aggregates of Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical
Precipice" (NeurIPS 2021), as the package `rliable` computes them (tests/test_statistics.py holds them to its numbers).

Scores are arrays of shape (seeds, environments). Random draws have a fixed seed: the same scores give the same intervals.
"""

import math

import numpy as np

REPETITIONS = 2000


# --- Student's t ------------------------------------------------------------------------------------------------------------


def _continued_fraction(a, b, x):
    """Of the incomplete beta function, by Lentz's method (Numerical Recipes, 6.4)."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / max(1.0 - (a + b) * x / (a + 1.0), tiny)
    h = d
    for m in range(1, 500):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + term * d
            c = 1.0 + term / c
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            h *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return h


def incomplete_beta(a, b, x):
    """The regularised incomplete beta function."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _continued_fraction(a, b, x) / a
    return 1.0 - front * _continued_fraction(b, a, 1.0 - x) / b


def t_tails(t, freedom):
    """Probability that |T| exceeds |t|."""
    return incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t))


def t_quantile(freedom, tails=0.05):
    """The t that |T| exceeds with probability `tails`."""
    low, high = 0.0, 1.0
    while t_tails(high, freedom) > tails:
        high *= 2.0
    for _ in range(200):
        middle = (low + high) / 2.0
        low, high = (middle, high) if t_tails(middle, freedom) > tails else (low, middle)
    return (low + high) / 2.0


# --- means and differences over seeds -----------------------------------------------------------------------------------------


def interval(values):
    """Mean and 95 % interval over seeds; NaN bounds for a single one."""
    values = np.asarray(values, dtype=float)
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return mean, math.nan, math.nan
    half = t_quantile(count - 1) * float(values.std(ddof=1)) / math.sqrt(count)
    return mean, mean - half, mean + half


def paired(ours, theirs):
    """Mean difference paired by seed, its 95 % interval, and the two-sided p-value of the paired t-test; NaN for a single seed."""
    difference = np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)
    mean, low, high = interval(difference)
    count = len(difference)
    if count < 2:
        return mean, low, high, math.nan
    error = float(difference.std(ddof=1)) / math.sqrt(count)
    # Equal but for rounding: no difference, or one that is the same at every seed.
    if error <= 1e-12 * max(1.0, abs(mean)):
        return mean, low, high, 1.0 if abs(mean) <= 1e-12 else 0.0
    return mean, low, high, t_tails(mean / error, count - 1)


def holm(p_values):
    """Holm's adjusted p-values (1979), in the order given; those that are NaN stay so and do not count as comparisons."""
    order = sorted((p, at) for at, p in enumerate(p_values) if not math.isnan(p))
    adjusted, largest = [math.nan] * len(p_values), 0.0
    for rank, (p, at) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        adjusted[at] = largest
    return adjusted


# --- over environments ------------------------------------------------------------------------------------------------------


def iqm(scores):
    """Interquartile mean: the mean without the lowest and the highest quarter of all scores."""
    values = np.sort(np.asarray(scores, dtype=float), axis=None)
    cut = int(0.25 * len(values))
    return float(values[cut : len(values) - cut].mean())


def probability_of_improvement(ours, theirs):
    """P(ours > theirs) of independent seeds, ties counting half, averaged over environments."""
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    above = (ours[:, None, :] > theirs[None, :, :]) + 0.5 * (ours[:, None, :] == theirs[None, :, :])
    return float(above.mean(axis=(0, 1)).mean())


def performance_profile(scores, thresholds):
    """Share of all scores above each threshold."""
    scores = np.asarray(scores, dtype=float)
    return np.array([np.mean(scores > threshold) for threshold in thresholds])


def bootstrap(statistic, *groups, repetitions=REPETITIONS, seed=0):
    """95 % percentile interval of `statistic(*groups)`, seeds drawn anew within each environment (stratified) and within each group."""
    random = np.random.RandomState(seed)
    groups = [np.asarray(group, dtype=float) for group in groups]
    values = []
    for _ in range(repetitions):
        drawn = [group[random.choice(len(group), group.shape), np.arange(group.shape[1])] for group in groups]
        values.append(statistic(*drawn))
    low, high = np.percentile(np.asarray(values), [2.5, 97.5], axis=0)
    return low, high

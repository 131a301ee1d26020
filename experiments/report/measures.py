"""What is read off a learning curve: when a method has adapted, and the worst that users met on the way."""

import numpy as np

from .statistics import holm, interval, paired


def blocks_of(played, sessions):
    """How many points of the curve make up at least so many sessions."""
    return max(1, int(np.ceil(sessions * len(played.steps) / played.episodes)))


def stretch(played):
    """1,000 sessions, or a tenth of a run that is shorter than 10,000."""
    return min(1000, max(1, played.episodes // 10))


def smooth(curve, width):
    """Means over each `width` points in a row: shape (seeds, points - width + 1)."""
    sums = np.cumsum(np.pad(curve, ((0, 0), (1, 0))), axis=1)
    return (sums[:, width:] - sums[:, :-width]) / width


def _when(holds, steps):
    """Per seed the sessions after which `holds` (seeds, windows) begins to hold; NaN where it never does."""
    return np.where(holds.any(axis=1), steps[np.argmax(holds, axis=1)].astype(float), np.nan)


def until_own_level(played, share=0.9):
    """Per seed: sessions at the end of the first stretch with `share` of the return of the last tenth."""
    width = blocks_of(played, stretch(played))
    curve = smooth(played.curve, width)
    # A rounding error of the running sums is no shortfall.
    return _when(curve >= share * played.last[:, None] - 1e-9, played.steps[width - 1 :])


def until_above(played, other):
    """Per seed: sessions at the end of the first stretch in which it earned more than `other` did; NaN where it never did."""
    width = blocks_of(played, stretch(played))
    return _when(smooth(played.curve, width) > smooth(other.curve, width), played.steps[width - 1 :])


def worst_stretch(played, other):
    """The stretch in which `played` fell furthest below `other`: (sessions at its end, difference, low, high, p adjusted for all stretches,
    whether some stretch is below with certainty)."""
    width = blocks_of(played, stretch(played))
    difference = smooth(played.curve - other.curve, width)
    compared = [paired(column, np.zeros(len(column))) for column in difference.T]
    adjusted = holm([p for *_, p in compared])
    at = min(range(len(compared)), key=lambda window: compared[window][0])
    below = any(mean < 0 and p < 0.05 for (mean, *_), p in zip(compared, adjusted))
    mean, low, high, _ = compared[at]
    return int(played.steps[at + width - 1]), mean, low, high, adjusted[at], below


def count_interval(values):
    """Mean and interval of the seeds that got there, and how many did not."""
    there = values[~np.isnan(values)]
    return (interval(there) if len(there) else (np.nan, np.nan, np.nan)), int(np.isnan(values).sum())

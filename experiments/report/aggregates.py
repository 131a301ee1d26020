"""All environments together, after Agarwal et al. (2021): scores from 0 (random) to 1 (the oracle)."""

import numpy as np

from .html import plain, table
from .questions import MAIN, OURS
from .statistics import bootstrap, iqm, performance_profile, probability_of_improvement
from .svg import legend, line_chart

PROFILED = {"headstart": "c0", "appeal": "c1", "ease": "c2", "aialp_ap": "c4", "a2c": "c6", "popularity": "c3"}


def scores(results, method, environments):
    """Shape (seeds, environments): all sessions' return, from 0 for random to 1 for the oracle."""
    columns = []
    for environment in environments:
        played, random = results.main(environment, "1", method), results.main(environment, "1", "random")
        columns.append((played.all - random.all) / (played.oracle - random.all))
    return np.stack(columns, axis=1)


def aggregates(results):
    environments = [
        name for name in results.environments() if results.main(name, "1", "random") and results.main(name, "1", OURS)
    ]
    everywhere = [
        method
        for method, known in results.plan["methods"].items()
        if known["kind"] in MAIN
        and method != "random"
        and environments
        and all(results.main(name, "1", method) for name in environments)
    ]
    if not everywhere:
        return ""
    of = {method: scores(results, method, environments) for method in everywhere}
    rows = []
    for method in everywhere:
        low, high = bootstrap(iqm, of[method])
        cells = [
            f'{plain(iqm(of[method]), 3)}<span class="interval">[{plain(low, 3)}, {plain(high, 3)}]</span>',
            plain(float(of[method].mean()), 3),
        ]
        if method == OURS:
            cells.append("")
        else:
            low, high = bootstrap(probability_of_improvement, of[OURS], of[method])
            improvement = probability_of_improvement(of[OURS], of[method])
            cells.append(f'{plain(improvement, 2)}<span class="interval">[{plain(low, 2)}, {plain(high, 2)}]</span>')
        rows.append((results.label(method), cells, results.plan["methods"][method]["kind"] == "ours"))
    note = (
        f"{len(environments)} environments, {results.plan['seeds']} seeds each; IQM is the mean of the middle half of all scores. Intervals: stratified "
        "bootstrap, 2,000 times. Probability: that a seed of Headstart, adapting, returns more than one of the method, averaged over environments."
    )
    thresholds = np.linspace(0, 1, 51)
    series = [
        (kind, thresholds.tolist(), performance_profile(of[method], thresholds).tolist(), None, None, False)
        for method, kind in PROFILED.items()
        if method in of
    ]
    chart = line_chart(
        series, "Performance profiles", "score (0 random, 1 oracle)", "share of runs above the score", x_range=(0, 1)
    )
    entries = [(kind, False, results.label(method)) for method, kind in PROFILED.items() if method in of]
    return (
        table(["score", "IQM", "mean", "probability of improvement"], rows, note)
        + f"<h3>Performance profiles</h3>{legend(entries)}<figure>{chart}</figure>"
    )

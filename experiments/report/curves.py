"""The pictures: learning curves beside the best plain recommender and the oracle, and curves over parts of the log."""

import numpy as np

from .html import figure
from .measures import blocks_of, smooth, stretch
from .statistics import interval
from .svg import legend, line_chart

# What is drawn, with the class of its colour; the best plain recommender of each environment is added.
DRAWN = {"headstart": "c0", "appeal": "c1", "aialp_ap": "c4", "a2c": "c6"}
PLAIN, ORACLE, RANDOM = "c2", "c5", "c7"


def _bands(curve):
    triples = [interval(column) for column in curve.T]
    return ([value[at] for value in triples] for at in range(3))


def _running(played):
    """Running means over a stretch of sessions: users differ more than methods do. (Sessions at the middle of each, mean, low, high)."""
    width = blocks_of(played, stretch(played))
    before = np.concatenate(([0], played.steps[:-1]))
    middles = (before[: len(before) - width + 1] + played.steps[width - 1 :]) / 2
    return (middles.tolist(), *_bands(smooth(played.curve, width)))


def learning_curves(results, setting="long"):
    """One chart an environment: likes per session over sessions, all methods of the legend in one scale."""
    figures, plain_labels, drawn = [], {}, {}
    for environment, label in results.plan["environments"].items():
        series, levels = [], []
        plain = results.best_plain(environment) if setting == "long" else None
        wanted = [(name, kind, False) for name, kind in DRAWN.items()] + ([(plain, PLAIN, False)] if plain else [])
        if setting != "long":
            wanted += [("ease", PLAIN, False), ("linucb", "c3", False)]
        for method, kind, dashed in wanted:
            played = results.get(environment, "1", setting, method)
            if played:
                series.append((kind, *_running(played), dashed))
                if method == plain:
                    plain_labels[environment] = results.label(method)
                else:
                    drawn[kind] = results.label(method)
        if not series:
            continue
        series.reverse()  # ours on top
        reference = next(played for key, played in results.runs.items() if key[:3] == (environment, "1", setting))
        levels.append((ORACLE, float(reference.oracle.mean())))
        random = results.get(environment, "1", setting, "random")
        if random:
            levels.append((RANDOM, float(random.all.mean())))
            drawn[RANDOM] = None
        note = f"; best plain: {plain_labels[environment]}" if plain else ""
        chart = line_chart(
            series,
            f"{label}: likes per session",
            "sessions",
            f"likes per session, means over {stretch(reference):,} sessions, 95 % interval over seeds",
            x_range=(0, reference.episodes),
            levels=levels,
        )
        figures.append(figure(label + note, chart))
    entries = [(kind, False, name) for kind, name in drawn.items() if name]
    if plain_labels:
        entries.append((PLAIN, False, "best plain recommender, learning ones among them"))
    entries.append((ORACLE, True, "oracle (best possible)"))
    if RANDOM in drawn:
        entries.append((RANDOM, True, "random"))
    return legend(entries) + f'<div class="charts">{"".join(figures)}</div>' if figures else ""


LOG_LINES = (
    ("appeal", "c0", False, "categories and the model's traits (Headstart's start)"),
    ("appeal_shuffled", "c1", True, "the same, traits shuffled (control)"),
    ("appeal_categories", "c3", False, "categories, no model"),
    ("appeal_nothing", "c6", False, "the log alone"),
)


def fractions(results, environment):
    """The parts of the log at which anything was run in this environment, smallest first."""
    return sorted({key[1] for key in results.runs if key[0] == environment}, key=float)


def young_logs(results):
    """One chart an environment: likes per session of frozen policies over the part of the log that they learnt from."""
    figures, drawn = [], set()
    for environment, label in results.plan["environments"].items():
        parts = [part for part in fractions(results, environment) if results.methods(environment, part)]
        if len(parts) < 2:
            continue
        series, levels = [], []
        for method, kind, dashed, _ in LOG_LINES:
            at = [(x, results.main(environment, part, method)) for x, part in enumerate(parts)]
            at = [(x, played) for x, played in at if played]
            if at:
                drawn.add(kind)
                triples = [interval(played.all) for _, played in at]
                series.append((kind, [x for x, _ in at], *([t[i] for t in triples] for i in range(3)), dashed))
        at = [(x, results.best_plain(environment, part)) for x, part in enumerate(parts)]
        at = [(x, results.main(environment, parts[x], best)) for x, best in at if best]
        if at:
            triples = [interval(played.all) for _, played in at]
            series.append((PLAIN, [x for x, _ in at], *([t[i] for t in triples] for i in range(3)), False))
        random = results.main(environment, parts[-1], "random")
        if random:
            levels.append((RANDOM, float(random.all.mean())))
            drawn.add(RANDOM)
        names = [(x, percent(part)) for x, part in enumerate(parts)]
        if series:
            chart = line_chart(
                series,
                f"{label}: likes per session over the log's size",
                "of the log",
                "likes per session, 95 % interval over cuts",
                x_ticks=names,
                levels=levels,
            )
            figures.append(figure(label, chart))
    entries = [(kind, dashed, text) for _, kind, dashed, text in LOG_LINES if kind in drawn]
    entries += [(PLAIN, False, "best plain recommender")] + [(RANDOM, True, "random")] * (RANDOM in drawn)
    return legend(entries) + f'<div class="charts">{"".join(figures)}</div>' if figures else ""


def percent(fraction):
    return f"{100 * float(fraction):g} %"

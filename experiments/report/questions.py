"""The tables: one section a question, each with figures and 95 % intervals."""

from html import escape

import numpy as np

from .curves import fractions, learning_curves, percent, young_logs
from .html import digits, judged, p_text, plain, signed, table, with_interval
from .measures import count_interval, stretch, until_above, until_own_level, worst_stretch
from .statistics import holm, interval, paired

OURS = "headstart"
MAIN = ("reference", "plain", "ours", "control", "paper")


def compare(results, pairs):
    """`pairs`: (key, ours, theirs), arrays over seeds. Returns {key: (mean, low, high, adjusted p)}, corrected over all pairs."""
    compared = [paired(ours, theirs) for _, ours, theirs in pairs]
    adjusted = holm([p for *_, p in compared])
    return {key: (mean, low, high, p) for (key, *_), (mean, low, high, _), p in zip(pairs, compared, adjusted)}


def difference_cell(compared):
    mean, low, high, p = compared
    return judged(mean, p, with_interval((mean, low, high), signed))


def _is_ours(results, method):
    return results.plan["methods"][method]["kind"] == "ours"


def first_impressions(results):
    """Question 1."""
    parts = []
    for environment, label in results.plan["environments"].items():
        for fraction in fractions(results, environment):
            rows = []
            for method in results.methods(environment, fraction, *MAIN) or [
                m for m in results.plan["methods"] if results.get(environment, fraction, "first-10", m)
            ]:
                ten, hundred = (results.get(environment, fraction, f"first-{count}", method) for count in (10, 100))
                if ten and hundred:
                    cells = [with_interval(interval(values)) for values in (ten.curve[:, 0], ten.all, hundred.all)]
                    rows.append((results.label(method), cells, _is_ours(results, method)))
            if rows:
                start = _first_ten_over_random(results, environment, fraction)
                shown = table(["likes per session", "first session", "first 10", "first 100"], rows, start)
                title = f"{escape(label)}, {percent(fraction)} of the log"
                opened = " open" if fraction == "1" else ""
                parts.append(f"<details{opened}><summary>{title}</summary>{shown}</details>")
    return parts and "".join(
        ["<p>Users come one after the other; expected likes per session, mean and 95 % interval over seeds.</p>"] + parts
    )


def _first_ten_over_random(results, environment, fraction):
    ours, random = (results.get(environment, fraction, "first-10", method) for method in (OURS, "random"))
    if not ours or not random or random.all.mean() <= 0:
        return None
    ratio = ours.all.mean() / random.all.mean()
    mean, low, high = interval(ours.all - 1.5 * random.all)
    clear = "clear of zero" if low > 0 else "not clear of zero" if high >= 0 else "below zero"
    decimals = digits(mean, low, high)
    return (
        f"The first 10 sessions earn {ratio:.2f} times what random does; less 1.5 times random {signed(mean, decimals)} "
        f"[{signed(low, decimals)}, {signed(high, decimals)}], {clear}."
    )


def long_run(results):
    """Question 2."""
    parts = []
    for environment in results.environments():
        label = results.plan["environments"][environment]
        best = results.best_plain(environment)
        reference = best and results.main(environment, "1", best)
        methods = results.methods(environment, "1", *MAIN)
        ours = results.main(environment, "1", OURS)
        others = [method for method in methods if method != OURS]
        compared = compare(results, [(m, ours.all, results.main(environment, "1", m).all) for m in others]) if ours else {}
        rows = []
        for method in methods:
            played = results.main(environment, "1", method)
            decimals = digits(*played.oracle)
            cells = [with_interval(interval(values), plain, decimals) for values in (played.first, played.last, played.all)]
            cells.append(difference_cell(compared[method]) if method in compared else "")
            cells.append(p_text(compared[method][3]) if method in compared else "")
            cells += [f"{played.all.mean() * played.episodes:,.0f}", f"{played.value('regret').mean() * played.episodes:,.0f}"]
            own = until_own_level(played)
            cells.append(_sessions(own))
            cells.append("" if method == best or reference is None else _sessions(until_above(played, reference)))
            rows.append((results.label(method), cells, _is_ours(results, method)))
        head = [
            "likes per session",
            "first tenth",
            "last tenth",
            "all",
            f"{results.label(OURS)} less this" if ours else "",
            "p (Holm)",
            "likes in all",
            "regret to the oracle in all",
            "sessions until 90 % of its own last tenth",
            f"sessions until above {results.label(best)}" if best else "",
        ]
        some = next(iter(methods))
        played = results.main(environment, "1", some)
        note = (
            f"{played.episodes:,} sessions a seed; the oracle returns {plain(float(played.oracle.mean()), digits(*played.oracle))}. A method "
            f"gets there at the end of the first {stretch(played):,} sessions in a row that do, so that none is there sooner than after these; "
            "the number in brackets: seeds that never were. Differences are paired by seed; p by t-test, corrected for all in the table."
        )
        parts.append(f"<h3>{escape(label)}</h3>" + table(head, rows, note))
    return "".join(parts)


def _sessions(values):
    (mean, low, high), missing = count_interval(values)
    if np.isnan(mean):
        return "never"
    bounds = "" if np.isnan(low) else f'<span class="interval">[{max(low, 0):,.0f}, {high:,.0f}]</span>'
    return f"{mean:,.0f}" + (f" ({missing} not)" if missing else "") + bounds


def young(results):
    """Question 3."""
    chart = young_logs(results)
    if not chart:
        return ""
    pairs, shown = [], []
    for environment in results.plan["environments"]:
        for fraction in fractions(results, environment):
            ours = results.main(environment, fraction, "appeal")
            if not ours:
                continue
            others = {
                "shuffled": "appeal_shuffled",
                "categories": "appeal_categories",
                "log": "appeal_nothing",
                "plain": results.best_plain(environment, fraction),
            }
            shown.append((environment, fraction, ours, others))
            for kind, method in others.items():
                other = method and results.main(environment, fraction, method)
                if other:
                    pairs.append(((environment, fraction, kind), ours.all, other.all))
    compared = compare(results, pairs)
    rows = []
    for environment, fraction, ours, others in shown:
        cells = [with_interval(interval(ours.all))]
        for kind in others:
            key = (environment, fraction, kind)
            cells.append(difference_cell(compared[key]) if key in compared else "")
        best = others["plain"]
        cells.append(escape(results.label(best)) if best else "none can be trained")
        rows.append((f"{results.plan['environments'][environment]}, {percent(fraction)}", cells, False))
    head = [
        "part of the log",
        "Headstart (frozen), with traits",
        "less traits shuffled",
        "less categories, no model",
        "less the log alone",
        "less the best plain",
        "which is",
    ]
    note = (
        "The log is cut at import, anew for each seed; all play in the environment of the whole data. Means over all sessions, differences paired "
        "by seed (cut). ▲ better and ▼ worse, clear after Holm's correction over the whole table."
    )
    return (
        "<p>How much log until the language model no longer helps? Where the first line meets the second and the third.</p>"
        + chart
        + table(head, rows, note)
    )


def safety(results):
    """Question 4."""
    rows, width = [], 0
    for environment in results.plan["environments"]:
        for fraction in fractions(results, environment):
            ours = results.main(environment, fraction, OURS)
            if not ours:
                continue
            width = max(width, stretch(ours))
            cells = []
            for method in (results.best_plain(environment, fraction), "popularity", "appeal"):
                other = method and results.main(environment, fraction, method)
                if not other:
                    cells += ["", ""]
                    continue
                end, mean, low, high, p, below = worst_stretch(ours, other)
                cells.append(
                    judged(mean, p, with_interval((mean, low, high), signed))
                    + f'<span class="interval">until session {end:,}</span>'
                )
                cells.append('<span class="worse">▼ yes</span>' if below else "no")
            rows.append((f"{results.plan['environments'][environment]}, {percent(fraction)}", cells, False))
    head = [
        "part of the log",
        "worst stretch less the best plain",
        "any clearly below?",
        "worst less popularity",
        "any clearly below?",
        "worst less its own frozen start",
        "any clearly below?",
    ]
    note = (
        f"Stretches of {width:,} sessions (shorter runs: a tenth of theirs); each seed's difference in the stretch whose mean is lowest, with its plain 95 % "
        "interval. The lowest of many is low by luck too: clearly below is what stays so after Holm's correction over all stretches of a run. "
            "How often the adapter's gate held is not in the events; what it costs is told by the ablation without it."
    )
    return rows and table(head, rows, note)


def models(results):
    """Question 5."""
    return _against_base(results, "model", "Read by another model, frozen, less the default's reading.")


def drift(results):
    """Question 6, first part: taste that drifts."""
    chart = learning_curves(results, "drift")
    if not chart:
        return ""
    rows = []
    for environment in results.plan["environments"]:
        for method in results.plan["methods"]:
            moved, still = (results.get(environment, "1", setting, method) for setting in ("drift", "long"))
            if moved and still and moved.episodes == still.episodes:
                fall = paired(moved.all, still.all)[:3]
                cells = [with_interval(interval(values)) for values in (still.all, moved.all, moved.first, moved.last)]
                cells += [
                    with_interval(fall, signed),
                    f"{100 * (moved.all.mean() / still.all.mean() - 1):+.0f} %".replace("-", "−"),
                ]
                rows.append(
                    (f"{results.plan['environments'][environment]}: {results.label(method)}", cells, _is_ours(results, method))
                )
    setting = results.plan["settings"]["drift"]
    each = setting["drift"] * setting["envs"]
    note = (
        f"Within {each:,} sessions every user's taste becomes that of another user, then of the next: all that the log told of users wears off. "
        "The fall is paired by seed, drifting less fixed."
    )
    return chart + table(
        ["likes per session", "fixed taste", "drifting", "drifting, first tenth", "drifting, last tenth", "fall", "in per cent"],
        rows,
        note,
    )


def ablations(results):
    """Question 8."""
    return _against_base(results, "ablation", "One thing changed at a time, less the method as it is.")


def _against_base(results, kind, intro):
    pairs, rows = [], []
    for key, played in results.runs.items():
        environment, fraction, setting, method = key
        known = results.plan["methods"][method]
        if known["kind"] == kind:
            base = results.get(environment, fraction, setting, known["of"])
            if base:
                pairs += [((key, part), getattr(played, part), getattr(base, part)) for part in ("first", "last", "all")]
    compared = compare(results, pairs)
    for environment, fraction, setting, method in dict.fromkeys(key for (key, _), *_ in pairs):
        known, key = results.plan["methods"][method], (environment, fraction, setting, method)
        name = f"{results.plan['environments'][environment]}, {percent(fraction)} of the log: {results.label(known['of'])}, {known['label']}"
        cells = [with_interval(interval(results.runs[key].all))] + [
            difference_cell(compared[key, part]) for part in ("all", "first", "last")
        ]
        rows.append((name, cells, False))
    note = "Differences paired by seed; ▲ and ▼: clear after Holm's correction over the whole table."
    return rows and f"<p>{intro}</p>" + table(
        ["", "likes per session, all", "difference, all", "first tenth", "last tenth"], rows, note
    )

"""What was aimed at, and whether it was reached: each goal with its figure and interval."""

from .curves import fractions, percent
from .html import digits, signed, table
from .measures import worst_stretch
from .questions import OURS
from .statistics import interval, paired

# In per cent of the average reward, over the faithful A-iALP_ap: what ARLK (2026) reports over the state of the art.
ABOVE_THE_PAPER = {"lfm": 5.15, "industry": 3.40, "coat": 1.80}
FIRST_TEN = 1.5


def _verdict(met, clear):
    if met and clear:
        return '<span class="better">▲ reached</span>'
    return "reached, interval not clear" if met else '<span class="worse">▼ missed</span>'


def _bounds(triple, show=signed):
    mean, low, high = triple
    decimals = digits(mean, low, high)
    return f'{show(mean, decimals)}<span class="interval">[{show(low, decimals)}, {show(high, decimals)}]</span>'


def goals(results):
    rows = []
    for environment, label in results.plan["environments"].items():
        ap, ours = (results.main(environment, "1", method) for method in ("aialp_ap", OURS))
        for method in ("a2c", "ialp") if ap else ():
            other = results.main(environment, "1", method)
            if other:
                mean, low, high, _ = paired(ap.all, other.all)
                name = f"{results.label('aialp_ap')} earns more than {results.label(method)}: {label}"
                rows.append((name, [_bounds((mean, low, high)), "above 0", _verdict(mean > 0, low > 0)], False))
        if ap and ours:
            gains = 100 * (ours.all / ap.all.mean() - ap.all / ap.all.mean())
            target = ABOVE_THE_PAPER.get(environment, 0.0)
            mean, low, high = interval(gains)
            name = f"{results.label(OURS)}, over {results.label('aialp_ap')}, in per cent: {label}"
            rows.append((name, [_bounds((mean, low, high)), f"{target:g}", _verdict(mean >= target, low >= target)], True))
        rows += _never_below(results, environment, label)
        ours, random = (results.get(environment, "0", "first-10", method) for method in (OURS, "random"))
        if ours and random and random.all.mean() > 0:
            mean, low, high = interval(ours.all / random.all.mean())
            clear = interval(ours.all - FIRST_TEN * random.all)[1] > 0
            name = f"First 10 sessions without a log, times random: {label}"
            rows.append(
                (
                    name,
                    [
                        _bounds((mean, low, high), lambda value, _: f"{value:.2f}"),
                        f"{FIRST_TEN:g}",
                        _verdict(mean >= FIRST_TEN, clear),
                    ],
                    True,
                )
            )
    return rows and table(["goal", "figure", "aimed at", "verdict"], rows)


def _never_below(results, environment, label):
    rows = []
    for fraction in fractions(results, environment):
        ours, best = results.main(environment, fraction, OURS), results.best_plain(environment, fraction)
        if ours and best:
            end, mean, low, high, _, below = worst_stretch(ours, results.main(environment, fraction, best))
            name = f"Nowhere clearly below {results.label(best)}: {label}, {percent(fraction)} of the log"
            cell = _bounds((mean, low, high)) + f'<span class="interval">worst, until session {end:,}</span>'
            rows.append((name, [cell, "not clearly below 0", _verdict(not below, True)], True))
    return rows

"""The answer in one sentence, as the figures have it."""

from html import escape

import numpy as np

from .curves import percent
from .questions import OURS, compare
from .statistics import interval

MOST = 0.05


def _listed(names):
    names = list(names)
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _short(results, environment):
    return results.plan["environments"][environment].split(" (")[0].lower()


def answer(results):
    """Adapting Headstart against the best plain recommender in each environment; the model's traits against shuffled ones on young
    logs; the first sessions without a log. Differences count as clear after Holm's correction over all that the sentence tells."""
    pairs = []
    for environment in results.environments():
        ours, best = results.main(environment, "1", OURS), results.best_plain(environment)
        if ours and best:
            pairs.append((("plain", environment), ours.all, results.main(environment, "1", best).all))
    for (environment, fraction, _, method), played in results.runs.items():
        shuffled = results.main(environment, fraction, "appeal_shuffled")
        if method == "appeal" and shuffled and float(fraction) < 1 and results.main(environment, fraction, "appeal") is played:
            pairs.append((("traits", environment, fraction), played.all, shuffled.all))
    compared = compare(results, pairs)
    clauses = [_plain_clause(results, compared), _traits_clause(results, compared), _start_clause(results)]
    clauses = [clause for clause in clauses if clause]
    sentence = "; ".join(clauses)
    return f'<p class="answer">{sentence[0].upper()}{sentence[1:]}.</p>' if clauses else ""


def _plain_clause(results, compared):
    told = {"above": [], "level": [], "below": []}
    sessions = 0
    for key, (mean, _, _, p) in compared.items():
        if key[0] == "plain":
            environment = key[1]
            best = results.main(environment, "1", results.best_plain(environment))
            sessions = best.episodes
            share = f"{_short(results, environment)} ({100 * mean / best.all.mean():+.1f} %)".replace("-", "−")
            side = "level" if np.isnan(p) or p >= MOST else "above" if mean > 0 else "below"
            told[side].append(share)
    if not any(told.values()):
        return ""
    words = []
    if told["above"]:
        words.append(f"clearly more than the best plain recommender on {_listed(told['above'])}")
    if told["level"]:
        words.append(f"about as much as the best plain recommender on {_listed(told['level'])}")
    if told["below"]:
        words.append(f"clearly less than the best plain recommender on {_listed(told['below'])}")
    return f"With the whole log, Headstart, adapting, earns over {sessions:,} sessions " + _listed(escape(word) for word in words)


def _traits_clause(results, compared):
    helped, not_clear = {}, {}
    for key, (mean, _, _, p) in compared.items():
        if key[0] == "traits":
            told = helped if mean > 0 and p < MOST else not_clear
            told.setdefault(_short(results, key[1]), []).append(percent(key[2]) if float(key[2]) else "none")
    words = [
        f"{how} on " + _listed(f"{name} (with {_listed(parts)} of it)" for name, parts in told.items())
        for how, told in (("clearly", helped), ("not measurably", not_clear))
        if told
    ]
    return (
        "where the log is young, the language model's traits help the start, against shuffled traits, " + escape(_listed(words))
        if words
        else ""
    )


def _start_clause(results):
    told = []
    for environment in results.plan["environments"]:
        ours, random = (results.get(environment, "0", "first-10", method) for method in (OURS, "random"))
        if ours and random and random.all.mean() > 0:
            clear = "" if interval(ours.all - random.all)[1] > 0 else ", not clearly more"
            told.append(
                f"{ours.all.mean() / random.all.mean():.1f} times what random does on {_short(results, environment)}{clear}"
            )
    return "without any log its first 10 sessions earn " + escape(_listed(told)) if told else ""

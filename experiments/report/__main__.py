"""`python3 -m report make FOLDER` writes metrics.parquet and report.html from a plan's runs; `costs FOLDER` writes costs.html."""

import os
import sys
from html import escape
from pathlib import Path

import pyarrow.parquet as pq

from .aggregates import aggregates
from .answer import answer
from .behaviour import behaviour
from .costs import costs
from .curves import learning_curves
from .goals import goals
from .html import page
from .load import ReportError, Results
from .questions import ablations, drift, first_impressions, long_run, models, safety, young

MISSING_MODELS = (
    "No other model was there. A plan names models by their files; entries of kind `model` in methods.yaml read them."
)


def build(results):
    """The page's HTML."""
    plan = results.plan
    exposed, grouped = behaviour(results)
    sections = [
        ("long", "The long run", long_run(results)),
        ("goals", "What was aimed at", goals(results)),
        ("all", "All environments together", aggregates(results)),
        ("first", "First impressions", first_impressions(results)),
        ("young", "How much log until the model no longer helps", young(results)),
        ("safety", "Cost of safety", safety(results)),
        ("models", "Does a bigger model help", models(results) or f'<p class="soft">{MISSING_MODELS}</p>'),
        ("drift", "Taste that drifts", drift(results)),
        (
            "groups",
            "Cold users, and returns by group",
            grouped and f"<p>Likes per session as drawn, mean and 95 % interval over seeds.</p>{grouped}",
        ),
        ("shown", "What is shown: popularity, coverage, diversity, novelty", exposed),
        ("ablations", "Ablations", ablations(results)),
    ]
    sections = [section for section in sections if section[2]]
    links = "".join(f'<li><a href="#{key}">{escape(title)}</a></li>' for key, title, _ in sections)
    environments = len(plan["environments"])
    runs = f"{len(plan['runs']):,} runs of {plan['seeds']} seeds"
    body = [
        "<header><h1>Headstart: does it help, where, and from when on</h1>",
        f'<p class="soft">{escape(plan["title"][0].upper() + plan["title"][1:])}: {environments} environment{"s" * (environments > 1)}, {runs}. Simulated users, fit on real '
        "logs: a policy recommends ten items a session, and a like counts one.</p></header>",
        learning_curves(results),
        answer(results),
        f"<nav><ul>{links}</ul></nav>",
    ]
    body += [f'<section id="{key}"><h2>{escape(title)}</h2>{html}</section>' for key, title, html in sections]
    if plan["left_out"]:
        items = "".join(f"<li>{escape(why)}</li>" for why in plan["left_out"])
        body.append(f"<section><h2>Left out</h2><ul>{items}</ul></section>")
    body.append(
        "<section><h2>How it was made</h2><p>By <code>make experiments</code>: every step is a command of the tools, in <code>logs/</code> and in "
        "experiments/Snakefile. Intervals are over seeds, in simulated environments; they say nothing of other data sets, nor of users. Likes per session are "
        'expected, not drawn, but where drawn is said. Wall-clock and memory of each step: <a href="costs.html">costs.html</a>.</p></section>'
    )
    return page(f"Headstart: {plan['title']}", "\n".join(part for part in body if part))


def write_whole(path, write):
    """By a temporary name beside `path`: readers never see half a file."""
    temporary = path.with_name(f".writing-{path.name}")
    write(temporary)
    os.replace(temporary, path)


def make(folder):
    results = Results(folder)
    html = build(results)
    write_whole(results.folder / "metrics.parquet", lambda path: pq.write_table(results.table, path, compression="zstd"))
    write_whole(results.folder / "report.html", lambda path: path.write_text(html, encoding="utf-8"))


def main(arguments):
    verbs = {"make": make, "costs": costs}
    if len(arguments) != 2 or arguments[0] not in verbs:
        print(f"error: wrong usage\nhint: {__doc__}", file=sys.stderr)
        return 2
    try:
        verbs[arguments[0]](Path(arguments[1]))
    except ReportError as error:
        print(f"error: {error}\nhint: remove the file, and run the plan again", file=sys.stderr)
        return 42
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

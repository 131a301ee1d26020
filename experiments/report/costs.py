"""What each step cost: wall-clock and memory, from Snakemake's benchmark files. A page of its own, since no two runs are alike."""

import csv
from pathlib import Path

from .html import page, table

SAID = {
    "import": "import",
    "fit": "environment",
    "states": "states",
    "model": "model, prepared",
    "traits": "traits",
    "train": "pre-training",
    "play": "serving",
}


def _number(text):
    try:
        return float(text)
    except ValueError:
        return float("nan")  # of a step that was over before it was looked at


def read(folder):
    """[(stage, name, seconds, CPU seconds, most MiB)]."""
    rows = []
    for path in sorted((Path(folder) / "benchmarks").rglob("*.tsv")):
        stage, *name = path.relative_to(Path(folder) / "benchmarks").with_suffix("").parts
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                rows.append((stage, "/".join(name), _number(row["s"]), _number(row["cpu_time"]), _number(row["max_rss"])))
    return rows


def _sum(values):
    return sum(value for value in values if value == value)


def _most(values):
    return max((value for value in values if value == value), default=float("nan"))


def _cells(rows):
    return [
        f"{len(rows):,}",
        f"{_sum(row[2] for row in rows):,.0f}",
        f"{_sum(row[3] for row in rows):,.0f}",
        _mib(_most(row[4] for row in rows)),
    ]


def _mib(value):
    return "–" if value != value else f"{value:,.0f}"


def costs(folder):
    """Writes costs.html."""
    rows = read(folder)
    stages = [stage for stage in SAID if any(row[0] == stage for row in rows)]
    head = ["stage", "steps", "seconds", "CPU seconds", "most memory, MiB"]
    body = [
        "<h1>What each step cost</h1>",
        "<p>Wall-clock as the steps ran, side by side on this machine; memory is looked at now and then, so that "
        'short steps have none. This page differs from run to run; <a href="report.html">the report</a> does not.</p>',
    ]
    body.append(table(head, [(SAID[stage], _cells([row for row in rows if row[0] == stage]), False) for stage in stages]))
    for stage in stages:
        longest = sorted((row for row in rows if row[0] == stage), key=lambda row: (-row[2], row[1]))[:25]
        more = sum(row[0] == stage for row in rows) - len(longest)
        body.append(f"<h2>{SAID[stage]}</h2>")
        body.append(
            table(
                ["step", "seconds", "CPU seconds", "most memory, MiB"],
                [
                    (row[1], [f"{row[2]:,.1f}", "–" if row[3] != row[3] else f"{row[3]:,.1f}", _mib(row[4])], False)
                    for row in longest
                ],
                f"The {len(longest)} longest; {more:,} more." if more else None,
            )
        )
    (Path(folder) / "costs.html").write_text(page("What each step cost", "\n".join(body)), encoding="utf-8")

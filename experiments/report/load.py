"""The metrics of all runs of a plan, in memory and as one tidy table."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

EXPECTED = "expected_return"


class ReportError(Exception):
    """What is wrong with the metrics, and where; shown without a traceback."""


class Played:
    """All seeds of one method in one environment, at one fraction of the log, in one setting. Values are likes per session, expected."""

    def __init__(self, name, table):
        self.name = name
        self.environment, self.fraction, self.setting, self.method = name.split("/")
        columns = {column: table[column].to_numpy(zero_copy_only=False) for column in ("seed", "metric", "step", "value")}
        self.seeds = np.unique(columns["seed"])
        if not len(self.seeds):
            raise ReportError(f"metrics/{name}.parquet has no row")
        place = np.searchsorted(self.seeds, columns["seed"])
        self._scalars = {}
        for metric in np.unique(columns["metric"].astype(str)):
            rows = columns["metric"] == metric
            if metric in (EXPECTED, "return"):
                continue
            values = np.full(len(self.seeds), np.nan)
            values[place[rows]] = columns["value"][rows]
            self._scalars[metric] = values
        rows = columns["metric"] == EXPECTED
        self.steps = np.unique(columns["step"][rows]).astype(int)
        self.curve = np.full((len(self.seeds), len(self.steps)), np.nan)
        self.curve[place[rows], np.searchsorted(self.steps, columns["step"][rows].astype(int))] = columns["value"][rows]
        if not len(self.steps) or np.isnan(self.curve).any():
            raise ReportError(f"metrics/{name}.parquet: the learning curve has no value at some step")

    def value(self, metric):
        """One value a seed."""
        if metric not in self._scalars:
            raise ReportError(f"metrics/{self.name}.parquet has no metric '{metric}'")
        return self._scalars[metric]

    @property
    def episodes(self):
        return int(self.steps[-1])

    @property
    def first(self):
        return self.value(EXPECTED + "_first")

    @property
    def last(self):
        return self.value(EXPECTED + "_last")

    @property
    def all(self):
        return self.value(EXPECTED + "_mean")

    @property
    def oracle(self):
        """What the best policy of the environment would have returned to the same users."""
        return self.value("regret") + self.all


class Results:
    """The runs of the plan, by (environment, fraction, setting, method)."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.plan = json.loads((self.folder / "plan.json").read_text(encoding="utf-8"))
        self.runs, tables = {}, []
        for name in self.plan["runs"]:
            path = self.folder / "metrics" / f"{name}.parquet"
            try:
                table = pq.read_table(path)
            except (OSError, pa.ArrowException) as error:
                raise ReportError(f"{path} cannot be read: {error}") from None
            played = Played(name, table)
            if len(played.seeds) != self.plan["seeds"]:
                raise ReportError(f"{path} has {len(played.seeds)} seeds, and the plan {self.plan['seeds']}")
            self.runs[tuple(name.split("/"))] = played
            count = table.num_rows
            tables.append(
                pa.table(
                    {
                        "environment": pa.array([played.environment] * count),
                        "fraction": pa.array([float(played.fraction)] * count),
                        "setting": pa.array([played.setting] * count),
                        "method": pa.array([played.method] * count),
                        "seed": table["seed"].cast(pa.uint64()),
                        "split": table["split"].cast(pa.string()),
                        "metric": table["metric"].cast(pa.string()),
                        "step": table["step"].cast(pa.uint64()),
                        "value": table["value"].cast(pa.float64()),
                    }
                )
            )
        self._settings = {key[:3] for key in self.runs}
        self.table = pa.concat_tables(tables)

    def get(self, environment, fraction, setting, method):
        return self.runs.get((environment, fraction, setting, method))

    def main(self, environment, fraction, method):
        """The long run, or the shorter one where nothing was run longer: of one length for all methods, so that they can be paired."""
        setting = "long" if (environment, fraction, "long") in self._settings else "young"
        return self.get(environment, fraction, setting, method)

    def methods(self, environment, fraction, *kinds):
        """Methods of some kinds that were run at length, in the plan's order."""
        return [
            name
            for name, method in self.plan["methods"].items()
            if (not kinds or method["kind"] in kinds) and self.main(environment, fraction, name)
        ]

    def label(self, method):
        return self.plan["methods"][method]["label"]

    def environments(self, fraction="1"):
        return [name for name in self.plan["environments"] if self.methods(name, fraction)]

    def best_plain(self, environment, fraction="1"):
        """The plain recommender that earned most over all sessions: the hardest one to beat."""
        plain = self.methods(environment, fraction, "plain")
        return max(plain, key=lambda name: self.main(environment, fraction, name).all.mean(), default=None)

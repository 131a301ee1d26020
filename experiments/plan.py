"""A plan of experiments, resolved: which method is played in which environment, at which fraction of the log, in which setting.

The Snakefile asks it for the steps' inputs and commands, `run` for the time left, and the report for names and for what was left out.
Nothing here depends on the clock or on the machine but for the places of data and models.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent


class PlanError(Exception):
    """What is wrong with a plan, where, and what to do; shown without a traceback."""


@dataclass(frozen=True, order=True)
class Run:
    """All seeds of one method; a file `metrics/ENVIRONMENT/FRACTION/SETTING/METHOD.parquet`."""

    environment: str
    fraction: str
    setting: str
    method: str

    @property
    def name(self):
        return f"{self.environment}/{self.fraction}/{self.setting}/{self.method}"


def _known(table, name, what, where):
    if name not in table:
        raise PlanError(f"{where}: unknown {what} '{name}'\nhint: one of {', '.join(table)}")
    return table[name]


def _load(path):
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        names = ", ".join(sorted(plan.stem for plan in (HERE / "plans").glob("*.yaml")))
        raise PlanError(f"{path}: {error.strerror}\nhint: give the path of a plan, or one of {names}") from None
    except yaml.YAMLError as error:
        raise PlanError(f"{path} is not YAML: {error}\nhint: experiments/plans/small.yaml is an example") from None


def _key(table, key, kind, where):
    value = table.get(key) if isinstance(table, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool) or not value:
        raise PlanError(f"{where}: '{key}' is missing or of another kind\nhint: experiments/plans/small.yaml is an example")
    return value


class Plan:
    """`path` is a plan file, or the name of one in experiments/plans."""

    def __init__(self, path, environ=os.environ):
        path = Path(path).resolve() if str(path).endswith((".yaml", ".yml")) else HERE / "plans" / f"{path}.yaml"
        self.path = path
        written = _load(path)
        self.places = {
            "cache": environ.get("HEADSTART_CACHE")
            or str(Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headstart"),
            "shared": str(Path(environ.get("HEADSTART_SHARED_DATA") or HERE.parent.parent / "shared" / "data").resolve()),
        }
        self.name = path.stem
        self.title = _key(written, "title", str, path)
        self.seeds = _key(written, "seeds", int, path)
        self.settings = _key(written, "settings", dict, path)
        for setting, values in self.settings.items():
            where = f"{path}: settings: {setting}"
            _key(values, "episodes", int, where), _key(values, "envs", int, where)
        self.environments = _load(HERE / "environments.yaml")
        methods = _load(HERE / "methods.yaml")
        self.policies, self.methods = methods["policies"], methods["methods"]
        self.models = {name: self.place(file) for name, file in _key(written, "models", dict, path).items()}
        self.left_out = []
        self.runs = self._runs(_key(written, "runs", list, path))
        if not self.runs:
            raise PlanError(
                f"{path}: nothing can be run:\n  " + "\n  ".join(self.left_out) + "\nhint: make setup; HEADSTART_SHARED_DATA"
            )

    def place(self, text):
        return text.format(**self.places)

    def _leave_out(self, why):
        if why not in self.left_out:
            self.left_out.append(why)

    def _runs(self, entries):
        runs = {}
        for at, entry in enumerate(entries, 1):
            where = f"{self.path}: runs: entry {at}"
            for environment in _key(entry, "environments", list, where):
                known = _known(self.environments, environment, "environment", where)
                if not Path(self.place(known["needs"]) if "needs" in known else HERE).exists():
                    self._leave_out(
                        f"{known['label']}: {known['needs'].format(cache='HEADSTART_CACHE', shared='HEADSTART_SHARED_DATA')} is missing"
                    )
                    continue
                for fraction in _key(entry, "fractions", list, where):
                    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 <= fraction <= 1:
                        raise PlanError(f"{where}: the fraction '{fraction}' is not a number from 0 to 1")
                    if fraction != 1 and not self.fitted(environment):
                        self._leave_out(f"{known['label']}: its log is not cut, so that there is the whole log alone")
                        continue
                    for setting in _key(entry, "settings", list, where):
                        _known(self.settings, setting, "setting", where)
                        for method in _key(entry, "methods", list, where):
                            policy = _known(
                                self.policies, _known(self.methods, method, "method", where)["policy"], "policy", where
                            )
                            label = self.methods[method]["label"]
                            model = policy.get("profiles")
                            if model and not Path(_known(self.models, model, "model of the plan", where)).exists():
                                self._leave_out(f"{label}: the model {model} is missing ({self.models[model]})")
                            elif fraction == 0 and policy.get("likes"):
                                self._leave_out(f"{label}: cannot be trained without a log")
                            else:
                                runs[Run(environment, f"{fraction:g}", setting, method)] = None
        return list(runs)

    # --- what the steps are made of -----------------------------------------------------------------------------------------

    def fitted(self, environment):
        return self.environments[environment].get("fitted", True)

    def environment_folder(self, environment):
        return f"environments/{environment}" if self.fitted(environment) else f"data/{environment}/1/cut-0/environment"

    def cuts(self, fraction):
        """A part of the log is drawn anew for each seed; the whole log is one."""
        return [0] if fraction == "1" else list(range(self.seeds))

    def import_command(self, environment, fraction, cut):
        cutting = "" if fraction == "1" else f" --log-fraction {fraction} --cut-seed {cut}"
        out = f"data/{environment}/{fraction}/cut-{cut}"
        return f"simulator import {self.place(self.environments[environment]['import'])}{cutting} --seed 0 --workers 1 --progress never --out {out}"

    def profiles(self, environment, fraction, policy):
        """The traits that `policy` reads; without the users' histories where the log is cut, so that they are the same at every cut."""
        model = self.policies[policy].get("profiles")
        return model and f"profiles/{environment}/{model}/{'whole' if fraction == '1' else 'young'}.parquet"

    def reads(self, environment, model, which):
        """Whether some run reads these traits."""
        return any(
            run.environment == environment
            and self.policies[self.methods[run.method]["policy"]].get("profiles") == model
            and (run.fraction == "1") == (which == "whole")
            for run in self.runs
        )

    def states(self, environment, fraction, policy):
        return f"states/{environment}.parquet" if fraction == "1" and self.policies[policy].get("profiles") else None

    def train_options(self, environment, fraction, policy):
        options = self.policies[policy]["train"]
        profiles, states = self.profiles(environment, fraction, policy), self.states(environment, fraction, policy)
        return options + (f" --states {states}" if states else "") + (f" --profiles {profiles}" if profiles else "")

    def train_commands(self, environment, fraction, policy):
        options, out = self.train_options(environment, fraction, policy), f"policies/{environment}/{fraction}/{policy}"
        if fraction == "1":
            return [
                f"pretrain train {options} --log data/{environment}/1/cut-0/log --seed 0 --seeds {self.seeds} --workers 1 --progress never --out {out}"
            ]
        return [
            f"pretrain train {options} --log data/{environment}/{fraction}/cut-{cut}/log --seed {cut} --seeds 1 --workers 1 --progress never --out {out}"
            for cut in self.cuts(fraction)
        ]

    def play_command(self, run):
        """One agent a seed; seed S acts by the policy of seed S, which is that of cut S where the log is cut."""
        method, setting = self.methods[run.method], self.settings[run.setting]
        policy = method["policy"]
        agent = f"online agent --policy policies/{run.environment}/{run.fraction}/{policy}/seed-{{seed}} {method['act']} --seed {{seed}}"
        if "refit" in method:
            cut = "0" if run.fraction == "1" else "{seed}"
            options = self.train_options(run.environment, run.fraction, policy)
            agent += (
                f" --refit-every {method['refit']} --refit 'pretrain train {options} --log data/{run.environment}/{run.fraction}/cut-{cut}/log"
                " --events {events} --seeds 1 --seed {seed} --workers 1 --out {out}'"
            )
        if setting.get("events"):
            agent += f" --events events/{run.name}-{{seed}}.parquet"
        drift = f" --drift {setting['drift']}" if "drift" in setting else ""
        return (
            f'simulator run --environment {self.environment_folder(run.environment)} --method {run.method} --agent "{agent}" --seed 0'
            f" --seeds {self.seeds} --episodes {setting['episodes']} --envs {setting['envs']}{drift} --workers 1 --progress never --out metrics/{run.name}.parquet"
        )

    # --- what they cost, for the time left ------------------------------------------------------------------------------------

    def cost(self, kind, environment):
        return self.environments[environment]["cost"][kind]

    def train_seconds(self, environment, policy):
        return 0.5 + self.policies[policy]["seconds"] * self.cost("train", environment) * self.seeds

    def play_seconds(self, run):
        episodes = self.settings[run.setting]["episodes"] / 1000
        return 0.5 + self.seeds * (0.1 + self.methods[run.method]["seconds"] * self.cost("play", run.environment) * episodes)

    def steps(self):
        """Every step but the report, by the name of its benchmark file, with the seconds that it should take on one core."""
        steps = {}
        for run in self.runs:
            at, policy = f"{run.environment}/{run.fraction}", self.methods[run.method]["policy"]
            model = self.policies[policy].get("profiles")
            fit = 40 * self.cost("prepare", run.environment)
            for cut in self.cuts(run.fraction):
                steps[f"import/{at}/cut-{cut}"] = 1 + self.cost("prepare", run.environment)
            steps[f"import/{run.environment}/1/cut-0"] = 1 + self.cost("prepare", run.environment)
            if self.fitted(run.environment):
                steps[f"fit/{run.environment}"] = fit
            if model:
                which = "whole" if run.fraction == "1" else "young"
                steps[f"model/{model}"] = 5
                speed = 1 if model == "smollm2" else 12
                taken = 0.3 if which == "young" and self.reads(run.environment, model, "whole") else 1
                steps[f"traits/{run.environment}/{model}/{which}"] = 340 * taken * speed * self.cost("traits", run.environment)
            steps[f"train/{at}/{policy}"] = self.train_seconds(run.environment, policy)
            steps[f"play/{run.name}"] = self.play_seconds(run)
        return steps

    def summary(self):
        """What the report needs to know, as plain JSON."""
        of_runs = {run.method for run in self.runs}
        return {
            "name": self.name,
            "title": self.title,
            "seeds": self.seeds,
            "settings": self.settings,
            "environments": {run.environment: self.environments[run.environment]["label"] for run in self.runs},
            "methods": {
                name: {key: method[key] for key in ("label", "kind", "of") if key in method}
                for name, method in self.methods.items()
                if name in of_runs
            },
            "models": sorted(name for name, file in self.models.items() if Path(file).exists()),
            "runs": [run.name for run in self.runs],
            "left_out": self.left_out,
        }


if __name__ == "__main__":
    try:
        print(json.dumps(Plan(sys.argv[1]).summary(), indent=1))
    except (PlanError, IndexError) as error:
        sys.exit(f"error: {error}\nhint: plan.py PLAN")

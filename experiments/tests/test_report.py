"""The report on made metrics and events: its figures, its sentence, its bytes, and what it says of files that are not as they should be."""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from report.behaviour import Catalogue, age_group, diversity  # noqa: E402
from report.svg import legend, line_chart, ticks  # noqa: E402

SEEDS, EPISODES, BLOCKS, ORACLE = 4, 400, 40, 2.0
LEVELS = {
    "random": 0.1,
    "popularity": 0.6,
    "ease": 1.0,
    "appeal": 1.1,
    "appeal_shuffled": 1.0,
    "headstart": 1.3,
    "headstart_no_gate": 1.29,
    "aialp_ap": 0.8,
    "a2c": 0.9,
}
KINDS = {
    "random": "reference",
    "popularity": "plain",
    "ease": "plain",
    "appeal": "ours",
    "headstart": "ours",
    "appeal_shuffled": "control",
    "headstart_no_gate": "ablation",
    "aialp_ap": "paper",
    "a2c": "paper",
}


def metrics(path, environment, method, level, episodes, seeds=SEEDS):
    rows = []
    random = np.random.RandomState(len(method))
    for seed in range(seeds):
        curve = level * (1 + 0.01 * random.rand(min(BLOCKS, episodes)))
        if method == "headstart":
            curve[: len(curve) // 4] = 1.05  # it begins above EASE and gets better
        steps = [(block + 1) * episodes // len(curve) for block in range(len(curve))]
        tenth = max(1, len(curve) // 10)
        rows += [(seed, "expected_return", step, value) for step, value in zip(steps, curve)]
        rows += [(seed, "return", step, value) for step, value in zip(steps, curve)]
        mean = curve.mean()
        for name, value in (("first", curve[:tenth].mean()), ("last", curve[-tenth:].mean()), ("mean", mean)):
            rows += [(seed, f"{kind}_{name}", episodes, value) for kind in ("expected_return", "return")]
        rows += [(seed, "regret", episodes, ORACLE - mean), (seed, "repeats", episodes, 0.0)]
        shown = {"head": 0.5, "middle": 0.125, "tail": 0.375, "head_first": 0.75, "head_last": 0.25}
        rows += [(seed, f"exposure_{part}", episodes, share) for part, share in shown.items()]
        rows += [(seed, name, episodes, value) for name, value in (("coverage", 1 / 6), ("gini", 5 / 6), ("novelty", 2.25))]
    seed, metric, step, value = zip(*rows)
    count = len(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table(
            {
                "environment": [environment] * count,
                "method": [method] * count,
                "seed": pa.array(seed, pa.uint64()),
                "split": ["online"] * count,
                "metric": metric,
                "step": pa.array(step, pa.uint64()),
                "value": value,
            }
        ),
        path,
    )


def make(folder, fractions=("0", "0.1", "1")):
    """A plan's folder with two environments."""
    runs = []
    for environment in ("film", "coats"):
        for fraction in fractions:
            for method, level in LEVELS.items():
                for setting, episodes in (("long", EPISODES), ("first-10", 10), ("first-100", 100)):
                    name = f"{environment}/{fraction}/{setting}/{method}"
                    # On coats the shuffled traits are as good as the traits.
                    of = LEVELS["appeal"] if environment == "coats" and method == "appeal_shuffled" else level
                    metrics(folder / "metrics" / f"{name}.parquet", environment, method, of, episodes)
                    runs.append(name)
        for method in ("ease", "headstart"):
            metrics(
                folder / "metrics" / environment / "1" / "drift" / f"{method}.parquet",
                environment,
                method,
                LEVELS[method] / 2,
                EPISODES,
            )
            runs.append(f"{environment}/1/drift/{method}")
    plan = {
        "name": "made",
        "title": "a made plan",
        "seeds": SEEDS,
        "settings": {"long": {"episodes": EPISODES, "envs": 4}, "drift": {"episodes": EPISODES, "envs": 4, "drift": 10}},
        "environments": {"film": "Film <made>", "coats": "Coats (made)"},
        "models": ["smollm2"],
        "methods": {
            name: {"label": f"the {name}", "kind": kind, **({"of": "headstart"} if kind == "ablation" else {})}
            for name, kind in KINDS.items()
        },
        "runs": runs,
        "left_out": ["Music: shared/lfm/user_artists.dat is missing"],
    }
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    log(folder)
    return plan


def log(folder):
    """Six items and three users of film, and what two methods showed them."""
    at = folder / "data" / "film" / "1" / "cut-0" / "log"
    at.mkdir(parents=True)
    users, items = [1, 1, 1, 2, 2, 3, 1], [10, 11, 12, 10, 11, 10, 10]
    pq.write_table(pa.table({"user_id": users, "item_id": items}), at / "interactions.parquet")
    categories = [["a"], ["a"], ["b"], ["b", "c"], ["a"], ["c"]]
    pq.write_table(pa.table({"item_id": [10, 11, 12, 13, 14, 15], "categories": categories}), at / "items.parquet")
    attributes = pa.array(
        [[("age", "24"), ("gender", "F")], [("age", "40"), ("gender", "M")], [("age", "70")]], pa.map_(pa.string(), pa.string())
    )
    pq.write_table(pa.table({"user_id": [1, 2, 3], "attributes": attributes}), at / "users.parquet")
    for method, shown in (("headstart", [12, 13, 14, 15]), ("popularity", [10, 10, 10, 10])):
        for seed in range(SEEDS):
            path = folder / "events" / "film" / "1" / "long" / f"{method}-{seed}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(
                pa.table(
                    {
                        "user_id": [1, 1, 2, 2],
                        "item_id": shown,
                        "feedback": [1.0, 0.0, 1.0, 1.0],
                        "episode": pa.array([0, 0, 1, 1], pa.uint32()),
                    }
                ),
                path,
            )


def run(verb, folder):
    return subprocess.run(
        [sys.executable, "-m", "report", verb, str(folder)], cwd=HERE, capture_output=True, text=True, check=False
    )


class Closed(HTMLParser):
    """Every element that is opened is closed, in order."""

    VOID = {"meta", "br", "hr", "link"}

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()


class OnMadeMetrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.plan = make(cls.folder)
        cls.done = run("make", cls.folder)
        cls.html = (cls.folder / "report.html").read_text(encoding="utf-8") if cls.done.returncode == 0 else ""

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def setUp(self):
        self.assertEqual(self.done.returncode, 0, self.done.stderr)

    def section(self, key):
        return re.search(rf'<section id="{key}">(.*?)</section>', self.html, re.S).group(1)

    def test_the_picture_stands_first_then_the_sentence_then_tables(self):
        places = [
            self.html.index(mark)
            for mark in ('<ul class="legend">', '<svg viewBox="0 0 440 300"', '<p class="answer">', "<table>")
        ]
        self.assertEqual(places, sorted(places))

    def test_the_sentence_says_what_the_figures_say(self):
        sentence = re.search(r'<p class="answer">(.*?)</p>', self.html).group(1)
        self.assertRegex(
            sentence,
            r"clearly more than the best plain recommender on film &lt;made&gt; \(\+2[34]\.\d %\) and coats \(\+2[34]\.\d %\)",
        )
        self.assertIn(
            "clearly on film &lt;made&gt; (with none and 10 % of it) and not measurably on coats (with none and 10 % of it)",
            sentence,
        )
        self.assertRegex(sentence, r"1[0-3]\.\d times what random does on film")

    def test_tables_hold_the_differences_and_sums(self):
        text = self.section("long")
        self.assertIn("the ease", text)
        self.assertRegex(text, r"▲ \+0\.2\d\d<span")
        row = re.search(r"<tr><th>the popularity</th>(.*?)</tr>", text).group(1)
        self.assertRegex(row, r"<td>24[0-3]</td><td>55[7-9]</td>")  # of 400 sessions, at 0.603, the oracle at 2

    def test_the_worst_stretch_and_ablations_held_against_their_method(self):
        row = re.search(r"<tr><th>Film &lt;made&gt;, 100 %</th>(.*?)</tr>", self.section("safety")).group(1)
        plain, popularity, own = re.split(r"(?<=no</td>)", row)
        self.assertRegex(plain, r"▲ \+0\.04")  # 1.05 at first, beside EASE's 1.005
        self.assertRegex(popularity, r"▲ \+0\.44")
        self.assertRegex(own, r"▼ −0\.05.*▼ yes")  # and beside its frozen start's 1.105
        self.assertIn("the headstart, the headstart_no_gate", self.section("ablations"))

    def test_goals_are_judged_by_their_figures(self):
        text = self.section("goals").split("<tbody>")[1]
        verdicts = dict(re.findall(r"<tr(?: class=ours)?><th>(.*?)</th>.*?([▲▼]? ?(?:reached|missed)[^<]*)", text))
        self.assertEqual(verdicts["Nowhere clearly below the ease: Film &lt;made&gt;, 100 % of the log"], "▲ reached")
        self.assertEqual(verdicts["First 10 sessions without a log, times random: Coats (made)"], "▲ reached")
        self.assertEqual(verdicts["the headstart, over the aialp_ap, in per cent: Film &lt;made&gt;"], "▲ reached")
        self.assertEqual(verdicts["the aialp_ap earns more than the a2c: Film &lt;made&gt;"], "▼ missed")

    def test_what_was_shown_and_to_whom(self):
        row = re.search(r"<tr><th>the popularity</th>(.*?)</tr>", self.section("shown")).group(1)
        cells = re.findall(r"<td>(.*?)</td>", row)
        self.assertEqual(cells[:6], ["50.0 %", "12.5 %", "37.5 %", "75.0 → 25.0 %", "16.7 %", "0.833"])
        self.assertEqual(cells[7], "2.25")
        self.assertIn("1, 1 and 4 items", self.section("shown"))
        groups = self.section("groups")
        for group in ("F", "M", "under 25", "35 to 49", "most interactions in the log"):
            self.assertIn(f"<th>{group}</th>", groups)
        self.assertIn("2.000", groups)  # the second user's session

    def test_one_file_of_sound_html_that_asks_for_nothing(self):
        parser = Closed()
        parser.feed(self.html)
        self.assertEqual(parser.open, [])
        self.assertNotRegex(self.html, r"<script|<link|<img|@import|url\(|https?://")
        self.assertIn("prefers-color-scheme: dark", self.html)
        self.assertIn("Music: shared/lfm/user_artists.dat is missing", self.html)

    def test_the_same_metrics_give_the_same_bytes(self):
        before = [(self.folder / name).read_bytes() for name in ("report.html", "metrics.parquet")]
        self.assertEqual(run("make", self.folder).returncode, 0)
        self.assertEqual(before, [(self.folder / name).read_bytes() for name in ("report.html", "metrics.parquet")])

    def test_the_tidy_table_has_every_row_of_every_run(self):
        table = pq.read_table(self.folder / "metrics.parquet")
        self.assertEqual(
            table.column_names, ["environment", "fraction", "setting", "method", "seed", "split", "metric", "step", "value"]
        )
        rows = sum(pq.read_metadata(self.folder / "metrics" / f"{name}.parquet").num_rows for name in self.plan["runs"])
        self.assertEqual(table.num_rows, rows)
        self.assertEqual(sorted(set(table["fraction"].to_pylist())), [0.0, 0.1, 1.0])


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        make(cls.folder, fractions=("1",))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def refused(self, spoil):
        path = self.folder / "metrics" / "film" / "1" / "long" / "ease.parquet"
        sound = path.read_bytes()
        spoil(path)
        done = run("make", self.folder)
        path.write_bytes(sound)
        self.assertEqual(done.returncode, 42, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertFalse((self.folder / "report.html").exists())
        return done.stderr

    def test_a_file_that_is_cut_off(self):
        self.assertIn("ease.parquet cannot be read", self.refused(lambda path: path.write_bytes(path.read_bytes()[:100])))

    def test_a_file_that_is_missing(self):
        self.assertIn("ease.parquet cannot be read", self.refused(Path.unlink))

    def test_fewer_seeds_than_the_plan_says(self):
        self.assertIn(
            "has 2 seeds, and the plan 4", self.refused(lambda path: metrics(path, "film", "ease", 1.0, EPISODES, seeds=2))
        )

    def test_a_curve_with_a_hole(self):
        def spoil(path):
            table = pq.read_table(path)
            pq.write_table(table.slice(1), path)

        self.assertIn("no value at some step", self.refused(spoil))


class Pieces(unittest.TestCase):
    def test_thirds_of_the_log_and_diversity(self):
        with tempfile.TemporaryDirectory() as name:
            log(Path(name))
            catalogue = Catalogue(Path(name) / "data" / "film" / "1" / "cut-0" / "log")
        self.assertEqual(catalogue.thirds.tolist(), [1, 1, 4])  # 3, 2 and 1 pairs: a pair counts once

        class Shown:
            items, episodes = np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1])

        self.assertAlmostEqual(diversity(Shown, catalogue), (0 + 0.5) / 2)

    def test_ages(self):
        self.assertEqual(
            [age_group(age) for age in ("7", "25", "49", "73", "20-30")],
            ["under 25", "25 to 34", "35 to 49", "50 and older", "20-30"],
        )

    def test_ticks_are_round_and_inside(self):
        self.assertEqual(ticks(0, 1.7), [0.0, 0.5, 1.0, 1.5])
        self.assertEqual(ticks(0, 20000, 4), [0, 5000, 10000, 15000, 20000])
        self.assertEqual(ticks(1, 1), [1])

    def test_charts_stay_in_their_box_and_legends_name_everything(self):
        chart = line_chart([("c0", [0, 10], [1.0, 3.0], [0.5, 2.0], [1.5, 4.0], False)], "a & b", "x", "y", levels=[("c5", 5.0)])
        numbers = [tuple(map(float, pair)) for pair in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", chart)]
        self.assertTrue(numbers and all(0 <= x <= 440 and 0 <= y <= 300 for x, y in numbers))
        self.assertIn("a &amp; b", chart)
        self.assertIn("best &lt;plain&gt;", legend([("c2", False, "best <plain>")]))


if __name__ == "__main__":
    unittest.main()

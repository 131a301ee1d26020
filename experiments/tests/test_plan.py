"""Plans and their steps, run by Snakemake with the tools themselves: the same bytes whatever --cores, after a kill too, and no step twice.

HEADSTART_BIN=target/release HEADSTART_CACHE/experiments/python3 experiments/tests/test_plan.py
"""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from plan import Plan, PlanError, Run  # noqa: E402

BIN = os.environ.get("HEADSTART_BIN") or str(HERE.parent / "target" / "release")
MADE = ("report.html", "metrics.parquet", "plan.json")


def command(plan, out, *more):
    return [sys.executable, str(HERE / "run"), str(plan), "--out", str(out), "--bin", BIN, *more]


def run(plan, out, *more):
    return subprocess.run(command(plan, out, *more), capture_output=True, text=True, check=False)


def digests(out):
    files = [out / name for name in MADE] + sorted((out / "metrics").rglob("*.parquet")) + sorted((out / "stamps").rglob("*"))
    return {str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


class Plans(unittest.TestCase):
    def test_all_plans_are_sound_and_every_method_has_a_policy(self):
        for plan in (HERE / "plans").glob("*.yaml"):
            loaded = Plan(plan)
            self.assertGreater(len(loaded.steps()), len(loaded.runs))
            self.assertTrue(all(loaded.methods[run.method]["policy"] in loaded.policies for run in loaded.runs))
        self.assertGreaterEqual(Plan("full").seeds, 10)
        self.assertGreaterEqual(Plan("full").settings["long"]["episodes"], 20000)

    def test_what_is_missing_is_left_out_and_said(self):
        plan = Plan("full", {"HEADSTART_CACHE": Plan("small").places["cache"], "HEADSTART_SHARED_DATA": "/nowhere"})
        self.assertEqual({run.environment for run in plan.runs}, {"movielens", "synthetic"})
        self.assertIn("Music (Last.fm): HEADSTART_SHARED_DATA/lfm/user_artists.dat is missing", plan.left_out)
        self.assertFalse(any(run.fraction == "0" and run.method == "ease" for run in plan.runs))

    def test_a_cut_log_is_drawn_anew_for_each_seed(self):
        plan = Plan("small")
        commands = plan.train_commands("movielens", "0.1", "appeal")
        self.assertEqual(len(commands), plan.seeds)
        self.assertIn("--log data/movielens/0.1/cut-3/log --seed 3 --seeds 1", commands[3])
        self.assertIn("young.parquet", commands[3])
        self.assertIn("--log-fraction 0.1 --cut-seed 3", plan.import_command("movielens", "0.1", 3))
        self.assertNotIn("--log-fraction", plan.import_command("movielens", "1", 0))
        self.assertIn(
            "policies/movielens/0.1/appeal/seed-{seed}", plan.play_command(Run("movielens", "0.1", "long", "headstart"))
        )

    def test_faults_say_where_and_what_to_do(self):
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "mine.yaml"
            for text, wanted in (
                ("title: [", "is not YAML"),
                ("title: a\nseeds: none\n", "'seeds' is missing or of another kind"),
                (HERE.joinpath("tests/plan.yaml").read_text().replace("popularity,", "popularty,"), "unknown method 'popularty'"),
                (HERE.joinpath("tests/plan.yaml").read_text().replace("[synthetic]", "[mars]"), "unknown environment 'mars'"),
                (HERE.joinpath("tests/plan.yaml").read_text().replace("[1]", "[1.5]"), "the fraction '1.5'"),
            ):
                path.write_text(text, encoding="utf-8")
                with self.assertRaises(PlanError) as raised:
                    Plan(path)
                self.assertIn(wanted, str(raised.exception))
            done = run(path, Path(name) / "out")
            self.assertEqual(done.returncode, 2)
            self.assertNotIn("Traceback", done.stderr)


class WithTheTools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.out = Path(cls.temporary.name) / "one"
        cls.done = run(HERE / "tests/plan.yaml", cls.out, "--cores", "1")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def setUp(self):
        self.assertEqual(self.done.returncode, 0, self.done.stderr)

    def test_a_second_run_does_nothing(self):
        before = {file: file.stat().st_mtime_ns for file in (self.out / "metrics").rglob("*.parquet")}
        done = run(HERE / "tests/plan.yaml", self.out, "--cores", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(before, {file: file.stat().st_mtime_ns for file in (self.out / "metrics").rglob("*.parquet")})

    def test_an_unchanged_artifact_stops_a_rerun(self):
        stamp = self.out / "stamps/import/synthetic/1/cut-0"
        played = self.out / "metrics/synthetic/1/long/ease.parquet"
        before = played.stat().st_mtime_ns
        os.utime(stamp)
        self.assertEqual(run(HERE / "tests/plan.yaml", self.out).returncode, 0)
        self.assertEqual(played.stat().st_mtime_ns, before)

    def test_a_killed_plan_goes_on_to_the_same_bytes_on_two_cores(self):
        out = Path(self.temporary.name) / "two"
        child = subprocess.Popen(
            command(HERE / "tests/plan.yaml", out, "--cores", "2"), stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and child.poll() is None and len(list((out / "metrics").rglob("*.parquet"))) < 3:
            time.sleep(0.02)
        self.assertIsNone(child.poll(), "the plan ended before it could be killed")
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        self.assertFalse((out / "report.html").exists())
        time.sleep(1)  # what still ran in other sessions ends
        done = run(HERE / "tests/plan.yaml", out, "--cores", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(digests(self.out), digests(out))

    def test_every_log_begins_with_its_command(self):
        for log in (self.out / "logs").rglob("*.txt"):
            self.assertRegex(log.read_text(encoding="utf-8"), r"^\$ (simulator|pretrain|profiler) ")

    def test_costs_name_every_stage(self):
        costs = (self.out / "costs.html").read_text(encoding="utf-8")
        for stage in ("import", "pre-training", "serving"):
            self.assertIn(f"<th>{stage}</th>", costs)


if __name__ == "__main__":
    unittest.main()

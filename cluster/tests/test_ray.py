"""The Ray driver on a real cluster of four raylets on this machine, one of which is killed in mid-job.

    PYTHON cluster/tests/test_ray.py             against a stand-in for the tools
    HEADSTART_BIN=target/release PYTHON ...      and against the real ones

PYTHON is the one that scripts/setup makes: ~/.cache/headstart/cluster/python3.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_DISABLE_IMPORT_WARNING"] = "1"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "1"
# Everything stays on this machine, and a short temporary folder: the names of sockets are at most 107 bytes.
os.environ["RAY_TMPDIR"] = "/tmp"

from ray.cluster_utils import Cluster  # noqa: E402

HERE = Path(__file__).resolve().parent
DRIVER = HERE.parent / "ray" / "run.py"
FAKE = HERE / "fake_tool.py"
BIN = Path(os.environ["HEADSTART_BIN"]).resolve() if os.environ.get("HEADSTART_BIN") else None
CACHES = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
CACHE = Path(os.environ.get("HEADSTART_CACHE") or Path(CACHES, "headstart"))
MEMORY = 1 << 30  # of a node
NODE = {
    "num_cpus": 2,
    "memory": MEMORY,
    "object_store_memory": 80 << 20,
    # A loopback address; 127.0.0.1 itself Ray would turn into the address of a network card.
    "node_ip_address": "127.0.0.2",
    "include_dashboard": False,
}
# A lost node is noticed in about 2 seconds, where Ray's defaults take about 15.
QUICK = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500, "health_check_failure_threshold": 3}


def running(folder, word=""):
    """Processes in a folder, and so of one test, that have `word` among their arguments; not the driver."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            here = Path(os.readlink(path.with_name("cwd"))) == folder
        except OSError:
            continue  # it has ended
        if here and str(DRIVER).encode() not in words and (not word or word.encode() in words):
            found.append(int(path.parent.name))
    return found


def ancestors(pid):
    found = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
        found.append(pid)
    return found


class OnACluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(initialize_head=True, head_node_args={**NODE, "_system_config": QUICK})
        cls.nodes = [cls.cluster.add_node(**NODE) for _ in range(3)]
        cls.cluster.wait_for_nodes()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.shutdown()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="headstart-ray-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()

    def kill_a_busy_node(self, workers=True):
        """Kills a raylet that has a shard among its descendants, and puts another in its place for later tests.

        With its workers, as a machine that loses its power; else these find out by themselves, and may end their work first.
        """
        found = []

        def busy():
            shards = [(pid, ancestors(pid)) for pid in running(self.folder, "--shard")]  # neither plan nor merge
            for node in self.nodes:
                raylet = node.all_processes["raylet"][0].process.pid
                found.extend((node, pid) for pid, above in shards if raylet in above)
            return found

        self.wait_for(busy)
        node, pid = found[0]
        raylet = node.all_processes["raylet"][0].process.pid
        between = ancestors(pid)
        for one in [raylet, *(between[: between.index(raylet)] if workers else [])]:
            os.kill(one, signal.SIGKILL)
        self.nodes.remove(node)
        self.addCleanup(lambda: self.nodes.append(self.cluster.add_node(**NODE)))
        self.addCleanup(self.cluster.remove_node, node, allow_graceful=False)  # takes the rest of the node along

    # --- the driver ---

    def start(self, *command, options=("--memory", "200M", "--backoff", "0.2", "--shards", "16")):
        driver = [sys.executable, str(DRIVER), "--address", self.cluster.address, *options, "--", *map(str, command)]
        return subprocess.Popen(driver, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, driver, code, seconds=120):
        try:
            out, said = driver.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            driver.kill()
            self.fail(f"the driver hangs:\n{driver.communicate()[1]}")
        self.assertEqual(driver.returncode, code, said)
        return out, said

    def run_driver(self, code, *command, **options):
        return self.end(self.start(*command, **options), code)

    def fake_tool(self, *arguments):
        return (FAKE, "work", "--units", "64", "--out", "out", *arguments)

    def whole(self):
        """What one process writes, of 64 units."""
        subprocess.run([FAKE, "work", "--units", "64", "--out", "whole"], cwd=self.folder, check=True)
        return (self.folder / "whole").read_bytes()

    def written(self):
        return (self.folder / "out").read_bytes()

    def parts(self, pattern):
        return sorted((self.folder / "out.parts").glob(pattern))

    def wait_for(self, what, seconds=60):
        ends = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), ends, "it did not come to that")
            time.sleep(0.05)


class FakeTool(OnACluster):
    def test_sixteen_shards_are_the_bytes_of_one_process(self):
        out, said = self.run_driver(0, *self.fake_tool())
        self.assertEqual(self.written(), self.whole())
        self.assertEqual(out, "wrote out\n")
        self.assertIn("16 of 16 shards done", said)

    def test_a_node_that_is_lost_in_mid_job_costs_a_retry(self):
        driver = self.start(*self.fake_tool("--seconds", "0.5"))
        self.wait_for(lambda: len(self.parts("started/*")) >= 6 and self.parts("unit-*"))
        self.kill_a_busy_node()
        _, said = self.end(driver, 0)
        self.assertIn("its node or worker is lost", said)
        self.assertEqual(self.written(), self.whole())
        # A tool whose worker is gone is ended, and does not work on beside its successor.
        self.wait_for(lambda: not running(self.folder), 15)

    def test_a_raylet_alone_is_killed(self):
        driver = self.start(*self.fake_tool("--seconds", "0.5"))
        self.wait_for(lambda: len(self.parts("started/*")) >= 6 and self.parts("unit-*"))
        self.kill_a_busy_node(workers=False)
        self.end(driver, 0)
        self.assertEqual(self.written(), self.whole())
        self.wait_for(lambda: not running(self.folder), 15)

    def test_exit_code_1_is_tried_again(self):
        _, said = self.run_driver(0, *self.fake_tool("--fault", "3:1:2"))
        self.assertIn("shard 3: exit code 1; again in 0.2 s (1 of 3)", said)
        self.assertIn("shard 3: exit code 1; again in 0.4 s (2 of 3)", said)
        self.assertIn("shard 3 was told to fail", said)
        self.assertEqual(self.written(), self.whole())

    def test_retries_end_and_the_others_go_on(self):
        options = ("--shards", "4", "--retries", "1", "--backoff", "0.1", "--memory", "200M")
        _, said = self.run_driver(1, *self.fake_tool("--fault", "1:1:9"), options=options)
        self.assertIn("given up", said)
        self.assertIn("shards 1 are not done", said)
        self.assertEqual([path.name for path in self.parts("done-*")], ["done-0", "done-2", "done-3"])
        self.assertFalse((self.folder / "out").exists())
        # The same command without the fault does what is left.
        self.run_driver(0, *self.fake_tool(), options=options)
        self.assertEqual(self.written(), self.whole())

    def test_bad_data_and_wrong_usage_end_the_job_at_once(self):
        for code, what in ((42, "bad data"), (2, "wrong usage"), (3, "a check says no")):
            with self.subTest(code=code):
                begun = time.monotonic()
                _, said = self.run_driver(code, *self.fake_tool("--seconds", "2", "--fault", f"2:{code}:9"))
                self.assertIn(f"shard 2: exit code {code}, {what}: no retry", said)
                self.assertLess(time.monotonic() - begun, 60)
                self.assertNotEqual(len(self.parts("done-*")), 16)
                self.assertEqual(running(self.folder), [])
                subprocess.run(["rm", "-r", self.folder / "out.parts"], check=True)

    def test_out_of_memory_asks_for_twice_as_much_once(self):
        _, said = self.run_driver(0, *self.fake_tool("--fault", "5:-9:1"))
        self.assertIn("shard 5: killed, out of memory it seems; again with 400 MiB", said)
        self.assertEqual(self.written(), self.whole())

    def test_out_of_memory_twice_is_final(self):
        _, said = self.run_driver(137, *self.fake_tool("--fault", "5:137:9"))
        self.assertEqual(said.count("again with 400 MiB"), 1)
        self.assertIn("no more is to be had", said)

    def test_no_more_memory_is_asked_for_than_a_node_has(self):
        options = ("--shards", "4", "--memory", "700M")
        _, said = self.run_driver(0, *self.fake_tool("--fault", "1:-9:1"), options=options)
        self.assertIn("again with 1 GiB", said)

    def test_a_signal_stops_the_tools_and_the_next_run_goes_on(self):
        driver = self.start(*self.fake_tool("--seconds", "1"))
        self.wait_for(lambda: len(self.parts("unit-*")) >= 4)
        driver.send_signal(signal.SIGTERM)
        _, said = self.end(driver, 143, 60)
        self.assertIn("stopped by SIGTERM; what is finished is kept", said)
        self.assertEqual(running(self.folder), [])
        kept = {path: path.stat().st_mtime_ns for path in self.parts("unit-*")}
        self.run_driver(0, *self.fake_tool())
        self.assertEqual(kept, {path: path.stat().st_mtime_ns for path in kept})
        self.assertEqual(self.written(), self.whole())

    def test_the_merge_has_the_last_word(self):
        _, said = self.run_driver(3, *self.fake_tool("--merge-code", "3"))
        self.assertIn("merge: exit code 3, a check says no", said)

    def test_wrong_usage(self):
        self.run_driver(127, self.folder / "no-such-tool", "work")
        self.run_driver(2, "tool")
        _, said = self.run_driver(2, *self.fake_tool("--shard", "0/3"))
        self.assertIn("are added here", said)
        self.run_driver(2, *self.fake_tool(), options=("--shards", "4", "--memory", "lots"))

    def test_no_cluster(self):
        driver = [sys.executable, str(DRIVER), "--address", "127.0.0.2:1", "--shards", "2", "--", "tool", "verb"]
        job = subprocess.run(driver, capture_output=True, text=True, timeout=60)
        self.assertEqual(job.returncode, 1, job.stderr)
        self.assertIn("hint: `ray start --head`", job.stderr)


@unittest.skipUnless(BIN, "needs HEADSTART_BIN, the folder with the tools")
class RealTools(OnACluster):
    """`profiler traits` of a little of MovieLens, or of HEADSTART_TEST_DATA, a folder that `simulator import` made."""

    def tool(self, name, *arguments):
        done = subprocess.run([BIN / name, *arguments], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def data(self):
        given = os.environ.get("HEADSTART_TEST_DATA")
        if given:
            return Path(given).resolve()
        (self.folder / "raw").mkdir()
        for name, rows in (("item", 200), ("user", 60)):
            lines = (CACHE / f"datasets/ml-100k/ml-100k.{name}").read_text(encoding="latin-1").splitlines()[: rows + 1]
            (self.folder / f"raw/ml-100k.{name}").write_text("\n".join(lines) + "\n")
        head, *lines = (CACHE / "datasets/ml-100k/ml-100k.inter").read_text().splitlines()
        kept = [line for line in lines if int(line.split("\t")[0]) <= 60 and int(line.split("\t")[1]) <= 200]
        (self.folder / "raw/ml-100k.inter").write_text("\n".join([head, *kept]) + "\n")
        self.tool("simulator", "import", "movielens", "--input", "raw", "--out", "data")
        return self.folder / "data"

    def test_sixteen_shards_of_traits_are_the_bytes_of_one_process(self):
        log = self.data() / "log"
        self.tool("profiler", "states", "--log", log / "interactions.parquet", "--like-threshold", "4", "--out", "states.parquet")
        model = CACHE / "models/SmolLM2-135M-Instruct.Q4_1.gguf"
        verb = ["traits", "--model", model, "--items", log / "items.parquet", "--states", "states.parquet", "--domain", "film"]
        self.tool("profiler", *verb, "--out", "whole.parquet")
        driver = self.start(BIN / "profiler", *verb, "--out", "out.parquet")
        self.kill_a_busy_node()
        _, said = self.end(driver, 0, 500)
        self.assertIn("its node or worker is lost", said)
        self.assertEqual((self.folder / "out.parquet").read_bytes(), (self.folder / "whole.parquet").read_bytes())
        self.assertIn("16 of 16 shards done", said)
        # A second time all is there.
        self.run_driver(0, BIN / "profiler", *verb, "--out", "out.parquet")

    def test_sixteen_shards_of_every_other_verb_are_the_bytes_of_one_process(self):
        log = self.data() / "log"
        model = CACHE / "models/SmolLM2-135M-Instruct.Q4_1.gguf"
        self.tool("pretrain", "split", "--log", log, "--last", "1", "--out", "split")
        self.tool("simulator", "fit", "--data", log.parent, "--out", "environment")
        small = ["--steps", "20", "--batch", "16", "--dims", "8", "--hidden", "8"]
        (self.folder / "plan.toml").write_text(
            f"log = '{log}'\ntraits = 'none'\nseeds = 4\n" + "".join(f"[run.{name}]\nmethod = '{name}'\n" for name in ("ease", "als", "item-knn"))
        )
        asked = ["--model", model, "--items", log / "items.parquet", "--states", "states.parquet", "--domain", "film"]
        agent = f"{BIN / 'online'} agent --policy policies/seed-{{seed}} --strategy ft --seed {{seed}}"
        jobs = [
            ("profiler", ["states", "--log", log / "interactions.parquet", "--hold-out", "2"], "states.parquet"),
            ("profiler", ["prefer", *asked, "--candidates", "candidates.parquet"], "preferences.parquet"),
            ("profiler", ["summarise", *asked], "summaries.parquet"),
            (
                "profiler",
                ["eval", "--log", log / "interactions.parquet", "--items", log / "items.parquet", "--states", "states.parquet"],
                "auc.parquet",
            ),
            ("pretrain", ["train", "--method", "bc", "--traits", "none", "--log", log, "--seeds", "16", *small], "policies"),
            ("pretrain", ["grid", "--plan", "plan.toml"], "grid"),
            (
                "pretrain",
                ["evaluate", *(f"--policy=p{n}=policies/seed-{n}" for n in range(16)), "--log", "split/held-out.parquet"],
                "evaluated.parquet",
            ),
            (
                "simulator",
                ["run", "--environment", "environment", "--method", "ft", "--agent", agent, "--seeds", "16", "--episodes", "16"],
                "metrics.parquet",
            ),
            ("online", ["recommend", "--policy", "policies/seed-0"], "recommendations.parquet"),
        ]
        for tool, verb, out in jobs:
            with self.subTest(tool=tool, verb=verb[0]):
                self.tool(tool, *verb, "--out", out)
                if verb[0] == "states":
                    drawn = ["--items", log / "items.parquet", "--states", out, "--log", log / "interactions.parquet"]
                    self.tool("profiler", "candidates", *drawn, "--users", "24", "--unseen", "8", "--out", "candidates.parquet")
                driver = self.start(BIN / tool, *verb, "--out", f"sharded-{out}")
                if verb[0] == "prefer":
                    self.kill_a_busy_node()
                self.end(driver, 0, 500)
                whole, sharded = self.folder / out, self.folder / f"sharded-{out}"
                files = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()] if whole.is_dir() else [""]
                for name in files:
                    self.assertEqual((whole / name).read_bytes(), (sharded / name).read_bytes(), name)


if __name__ == "__main__":
    unittest.main(verbosity=2)

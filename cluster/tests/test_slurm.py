"""The Slurm scripts. With a stand-in for Slurm, or on a real cluster of two nodes on this machine:

    python3 cluster/tests/test_slurm.py
    cluster/tests/slurm_cluster python3 cluster/tests/test_slurm.py      needs root and Debian's packages of Slurm
"""

import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUBMIT = HERE.parent / "slurm" / "submit"
FAKE = HERE / "fake_tool.py"
REAL = "NODE_PIDS" in os.environ  # set by slurm_cluster


class Slurm(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="headstart-slurm-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.env = {**os.environ, "HEADSTART_POLL": "0.5"}
        if not REAL:
            (self.folder / "fake").mkdir()
            self.env |= {"FAKE_SLURM": str(self.folder / "fake"), "PATH": f"{HERE / 'fake_slurm'}:{os.environ['PATH']}"}

    def start(self, *arguments, shards=8, options=()):
        command = [SUBMIT, "--shards", str(shards), "--memory", "200M", "--backoff", "0", "--logs", "logs", "--wait", *options]
        command += ["--", FAKE, "work", "--units", "32", "--out", "out", *arguments]
        return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, job, code):
        out, said = job.communicate(timeout=200)
        self.assertEqual(job.returncode, code, f"{out}\n{said}\n{self.logs()}")
        return out

    def submit(self, code, *arguments, **options):
        return self.end(self.start(*arguments, **options), code)

    def logs(self):
        return "\n".join(f"== {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("logs/*")))

    def parts(self, pattern):
        return sorted(self.folder.glob(f"out.parts/{pattern}"))

    def holds_the_bytes_of_one_process(self):
        subprocess.run([FAKE, "work", "--units", "32", "--out", "whole"], cwd=self.folder, check=True)
        self.assertEqual((self.folder / "out").read_bytes(), (self.folder / "whole").read_bytes())

    def wait_for(self, what, seconds=60):
        ends = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), ends, f"it did not come to that\n{self.logs()}")
            time.sleep(0.05)

    def test_the_shards_are_the_bytes_of_one_process(self):
        self.assertEqual(self.submit(0), "wrote out\n")
        self.holds_the_bytes_of_one_process()

    def test_exit_code_1_is_tried_again(self):
        self.submit(0, "--fault", "3:1:2", options=("--retries", "2", "--running", "2", "--nice=1"))
        self.assertIn("shard 3: exit code 1; again (2 of 2)", self.logs())
        self.holds_the_bytes_of_one_process()

    def test_retries_end_and_the_next_run_goes_on(self):
        out = self.submit(1, "--fault", "3:1:9", options=("--retries", "1"))
        self.assertIn("shards are missing: 3", out)
        self.assertEqual(len(self.parts("done-*")), 7)
        self.submit(0)
        self.holds_the_bytes_of_one_process()

    def test_bad_data_cancels_the_others(self):
        # On the real cluster four elements run at a time.
        self.submit(42, "--seconds", "0.5", "--fault", "0:42:9", shards=16)
        self.assertLess(len(self.parts("done-*")), 15)
        self.assertFalse((self.folder / "out").exists())

    def test_out_of_memory_gets_a_second_round_with_twice_as_much(self):
        self.submit(0, "--fault", "2:-9:1", "--fault", "5:137:1")
        self.assertIn("shards 2,5 again, with 400 MiB", self.logs())
        self.holds_the_bytes_of_one_process()

    def test_out_of_memory_twice_is_final(self):
        self.submit(137, "--fault", "2:-9:9")
        self.assertIn("with 400 MiB", self.logs())
        self.assertNotIn("with 800 MiB", self.logs())

    def test_the_exit_code_of_the_merge_is_that_of_the_job(self):
        self.submit(3, "--merge-code", "3")

    def test_a_plan_that_fails_ends_the_job(self):
        self.submit(2, "--no-such-option")
        self.assertEqual(self.parts("*"), [])

    def test_wrong_usage_submits_nothing(self):
        for wrong in (["--shards", "0"], ["--shards", "4", "--memory", "lots"], ["--shards"], ["lost"], []):
            job = subprocess.run([SUBMIT, *wrong, "--", "tool", "verb"], env=self.env, cwd=self.folder, capture_output=True, text=True)
            self.assertEqual(job.returncode, 2, f"{wrong}: {job.stderr}")
            self.assertIn("hint:", job.stderr)
        self.assertEqual(subprocess.run([SUBMIT, "--shards", "4"], env=self.env, capture_output=True).returncode, 2)


@unittest.skipUnless(REAL, "needs a real Slurm: cluster/tests/slurm_cluster python3 cluster/tests/test_slurm.py")
class RealSlurm(Slurm):
    def of_node(self, node):
        """The processes of jobs on a node, Slurm's own above them first: these would report that a job was killed."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"SLURMD_NODENAME={node}\0".encode() in path.read_bytes():
                    found.append(int(path.parent.name))
            except OSError:
                pass
        above = [int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in found]
        steps = [pid for pid in set(above) if "slurmstepd" in Path(f"/proc/{pid}/comm").read_text()]
        return steps + found

    def start_node(self, pids):
        """For the tests that follow."""
        # It outlives the test; slurm_cluster ends it.
        os.system("slurmd -D -N headstart1 >/dev/null 2>&1 & echo $! >%s" % (first := f"{pids}.first"))
        pids.write_text("\n".join([Path(first).read_text().strip(), *pids.read_text().split()[1:]]) + "\n")
        states = ["sinfo", "-h", "-o", "%T"]
        self.wait_for(lambda: "down" not in subprocess.run(states, capture_output=True, text=True).stdout)

    def test_a_node_that_is_lost_costs_another_start(self):
        job = self.start("--seconds", "2")
        self.wait_for(lambda: len(self.parts("unit-*")) >= 4)
        on_it = self.of_node("headstart1")
        self.assertTrue(on_it)
        pids = Path(os.environ["NODE_PIDS"])
        slurmd = int(pids.read_text().split()[0])
        # A machine that loses its power takes the daemon and the jobs with it.
        for pid in [slurmd, *on_it]:
            os.kill(pid, signal.SIGKILL)
        self.addCleanup(self.start_node, pids)
        self.end(job, 0)
        self.holds_the_bytes_of_one_process()
        self.assertNotIn("again, with", self.logs())  # Slurm saw that a node was lost, and no shard that was killed
        started = [path.name.split("-")[0] for path in self.parts("started/*")]
        self.assertGreater(len(started), len(set(started)), "no shard was started twice")

    def test_an_element_that_is_cancelled_keeps_its_units(self):
        job = self.start("--seconds", "1", shards=4)
        self.wait_for(lambda: len(self.parts("unit-*")) >= 4)
        array = subprocess.run(["squeue", "-h", "-t", "R", "-o", "%F"], capture_output=True, text=True).stdout.split()[0]
        subprocess.run(["scancel", f"{array}_2"], check=True)
        self.end(job, 143)
        self.assertEqual([path.name for path in self.parts("done-*")], ["done-0", "done-1", "done-3"])
        kept = {path: path.stat().st_mtime_ns for path in self.parts("unit-*")}
        self.assertGreater(len(kept), 24)
        self.submit(0, shards=4)
        self.assertEqual(kept, {path: path.stat().st_mtime_ns for path in kept})
        self.holds_the_bytes_of_one_process()


if __name__ == "__main__":
    unittest.main(verbosity=2, defaultTest="RealSlurm" if REAL else "Slurm")

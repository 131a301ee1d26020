"""The manifests against Kubernetes' own schema, and `run` with a stand-in for kubectl.

    ~/.cache/headstart/cluster/python3 cluster/tests/test_kubernetes.py
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import kubernetes_validate
import yaml
from kubernetes_validate import utils

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "kubernetes"
STEPS = ("plan", "shards", "merge")


def manifest(step, folder=FOLDER):
    return yaml.safe_load((folder / f"{step}.yaml").read_text())


def tool(job):
    return job["spec"]["template"]["spec"]["containers"][0]


class Manifests(unittest.TestCase):
    def test_they_hold_to_the_schema_of_every_version_that_can_run_them(self):
        versions = [version for version in utils.all_versions() if tuple(map(int, version.split(".")[:2])) >= (1, 29)]
        versions = sorted(set(map(utils.major_minor, versions)))
        self.assertGreater(len(versions), 4, versions)
        for version in versions:
            for step in STEPS:
                with self.subTest(version=version, step=step):
                    kubernetes_validate.validate(manifest(step), version, strict=True)

    def test_the_schema_refuses_what_is_wrong(self):
        wrong = manifest("shards")
        wrong["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]["value"] = [1]
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(wrong, "1.33", strict=True)

    def test_all_say_the_same_job(self):
        plan, shards, merge = map(manifest, STEPS)
        verb = tool(plan)["args"]
        self.assertEqual(tool(merge)["args"], verb)
        self.assertEqual(tool(shards)["args"], [*verb, "--workers", "1", "--shard", "auto"])
        name = tool(shards)["command"][0]
        self.assertEqual(tool(merge)["command"], [name, "merge"])
        count = str(shards["spec"]["completions"])
        self.assertEqual(tool(plan)["command"], [name, "plan", "--shards", count])
        self.assertEqual(tool(shards)["env"], [{"name": "JOB_COMPLETION_COUNT", "value": count}])
        for key in ("image", "workingDir", "volumeMounts"):
            self.assertEqual(len({str(tool(job)[key]) for job in (plan, shards, merge)}), 1, key)

    def test_what_the_api_server_demands_beyond_the_schema(self):
        for step in STEPS:
            spec = manifest(step)["spec"]
            rules = spec["podFailurePolicy"]["rules"]
            self.assertEqual(spec["template"]["spec"]["restartPolicy"], "Never")
            codes = [rule["onExitCodes"] for rule in rules if "onExitCodes" in rule]
            self.assertEqual([(rule["containerName"], rule["values"]) for rule in codes], [("tool", [2, 3, 42])])
            self.assertIn({"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}, rules)
        spec = manifest("shards")["spec"]
        self.assertEqual(spec["completionMode"], "Indexed")
        self.assertEqual(spec["podFailurePolicy"]["rules"][0]["action"], "FailIndex")  # wants backoffLimitPerIndex
        self.assertLessEqual(spec["maxFailedIndexes"], spec["completions"])
        self.assertGreater(spec["backoffLimitPerIndex"], 0)
        # The tools have 10 seconds after SIGTERM.
        self.assertGreater(spec["template"]["spec"]["terminationGracePeriodSeconds"], 10)


class Run(unittest.TestCase):
    """`run` on the manifests as they are, but for the tool, which is the stand-in."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="headstart-kubernetes-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("fake", "manifests", "bin"):
            (self.folder / name).mkdir()
        (self.folder / "bin" / "kubectl").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "fake_kubectl"}" "$@"\n')
        (self.folder / "bin" / "kubectl").chmod(0o755)

    def run_with(self, code, *more):
        verb = ["work", "--units", "32", "--out", "out", *more]
        for step in STEPS:
            job = manifest(step)
            tail = ["--workers", "1", "--shard", "auto"] if step == "shards" else []
            tool(job)["command"][0] = str(HERE / "fake_tool.py")
            tool(job)["args"] = verb + tail
            # As a person would write it, and not in braces.
            (self.folder / "manifests" / f"{step}.yaml").write_text(yaml.safe_dump(job))
        env = {**os.environ, "FAKE_KUBERNETES": str(self.folder / "fake"), "HEADSTART_POLL": "0.1"}
        env["PATH"] = f"{self.folder / 'bin'}:{env['PATH']}"
        job = subprocess.run([FOLDER / "run", self.folder / "manifests"], env=env, capture_output=True, text=True, timeout=120)
        self.assertEqual(job.returncode, code, job.stderr)
        return job.stderr

    def applied(self):
        return (self.folder / "fake" / "applied").read_text().splitlines()

    def test_the_shards_are_the_bytes_of_one_process(self):
        self.run_with(0, "--fault", "3:1:3")
        subprocess.run([HERE / "fake_tool.py", "work", "--units", "32", "--out", "whole"], cwd=self.folder, check=True)
        self.assertEqual((self.folder / "out").read_bytes(), (self.folder / "whole").read_bytes())
        self.assertEqual([line.split()[0] for line in self.applied()], ["headstart-plan", "headstart-shards", "headstart-merge"])

    def test_bad_data_is_the_exit_code(self):
        said = self.run_with(42, "--fault", "3:42:9")
        self.assertIn("headstart-shards failed: a message 3", said)
        self.assertEqual(len(list(self.folder.glob("out.parts/done-*"))), 15)

    def test_out_of_memory_gets_twice_as_much_once(self):
        self.run_with(0, "--fault", "3:-9:4")
        self.assertEqual(self.applied()[1:3], ["headstart-shards 2Gi 2Gi", "headstart-shards 4Gi 4Gi"])

    def test_out_of_memory_twice_is_final(self):
        self.run_with(137, "--fault", "3:-9:99")
        self.assertEqual(len(self.applied()), 3)

    def test_the_exit_code_of_the_merge(self):
        self.run_with(3, "--merge-code", "3")


if __name__ == "__main__":
    unittest.main(verbosity=2)

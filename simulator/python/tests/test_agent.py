"""Agents written in Python, in ``simulator run``."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from support import ENVIRONMENT, TemporaryFolder

from headstart_simulator.agent import Agent, Choice, Turn

AGENT = """
import sys
from headstart_simulator.agent import Agent


class First(Agent):
    ends = 0

    def begin(self):
        print("seed", self.hello.seed, "slate", self.slate)

    def act(self, turns):
        assert all((turn.step == 0) == (turn.reward is None) == (not turn.shown) for turn in turns)
        return [BODY for turn in turns]

    def end(self, turn, truncated):
        assert turn.reward is not None and len(turn.shown) == turn.step
        self.ends += 1


items = sys.argv[1].split(",")
agent = First()
agent.run()
print("ends", agent.ends)
open(__file__ + ".ends", "w").write(f"{agent.slate} {agent.ends}")
"""


class Agents(TemporaryFolder):
    def run_agent(self, body: str, *more: str) -> subprocess.CompletedProcess[str]:
        script = self.folder / "agent.py"
        script.write_text(AGENT.replace("BODY", body))
        items = ",".join(pq.read_table(ENVIRONMENT / "items.parquet")["item_id"].cast("string").to_pylist())
        agent = f"{sys.executable} {script} {items}"
        command = [os.environ["HEADSTART_SIMULATOR"], "run", "--environment", str(ENVIRONMENT), "--method", "first"]
        command += ["--agent", agent, "--seeds", "1", "--episodes", "8", "--envs", "3", *more]
        command += ["--out", str(self.folder / "metrics.parquet")]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def test_ten_lines_are_an_agent_and_what_it_prints_disturbs_nothing(self) -> None:
        ran = self.run_agent("next(item for item in items if item not in turn.shown)")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertTrue((self.folder / "metrics.parquet").exists())
        slate, ends = (self.folder / "agent.py.ends").read_text().split()
        self.assertEqual(slate, "1")
        self.assertGreaterEqual(int(ends), 8)

    def test_slates_with_their_probabilities(self) -> None:
        class Number:
            """As numpy's and torch's numbers are."""

            def __float__(self) -> float:
                return 0.25

        class Three(Agent):
            def act(self, turns: list[Turn]) -> list[Choice]:
                return [(["a", "b", turn.user], Number()) for turn in turns]

        hello = {"protocol": 2, "environment": "made up", "items": "0", "seed": 5, "horizon": 9, "slate": 3}
        types = [pa.uint32(), pa.utf8(), pa.uint32(), pa.utf8(), pa.float32(), pa.bool_(), pa.bool_()]
        names = ["env", "user_id", "step", "last_item", "reward", "done", "truncated"]
        schema = pa.schema(list(zip(names, types)), metadata={"headstart.hello": json.dumps(hello)})
        rows: list[list[object]] = [[4, 7], ["u", "v"], [0, 9], [None, "x"], [None, 1.0], [False, True], [False, True]]
        asked, replies = io.BytesIO(), io.BytesIO()
        with pa.ipc.new_stream(asked, schema) as writer:
            writer.write_batch(pa.record_batch([pa.array(row, kind) for row, kind in zip(rows, types)], schema=schema))
        asked.seek(0)
        Three().run(asked, replies)
        replies.seek(0)
        reply = pa.ipc.open_stream(replies).read_all().to_pydict()
        self.assertEqual(reply["env"], [4, 7])
        self.assertEqual(reply["item"], [["a", "b", "u"], []])
        self.assertEqual(reply["propensity"], [0.25, 1.0])

    def test_what_is_no_choice_is_said(self) -> None:
        wrong = [("[items[0], items[1]]", "1 ids of items are wanted"), ("(items[:1], 1.5)", "wanted is (0, 1]")]
        for body, says in wrong:
            ran = self.run_agent(body)
            self.assertNotEqual(ran.returncode, 0)
            self.assertIn(says, ran.stderr)

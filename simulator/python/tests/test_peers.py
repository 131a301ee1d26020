"""The Python port that `scripts/peers/beside` measures plays by the simulator's own probabilities."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.utils.env_checker import check_env
from support import ENVIRONMENT, vector_env

PEERS = Path(__file__).resolve().parents[3] / "scripts" / "peers"
sys.path.insert(0, str(PEERS))

from gymnasium_port import PortEnv, PortVectorEnv, Rules, ScalarModel, UserModel  # noqa: E402


class Port(unittest.TestCase):
    def setUp(self) -> None:
        self.model = UserModel(str(ENVIRONMENT))
        self.scalar = ScalarModel(self.model)

    def reward_probability(self, users: Any, items: Any) -> Any:
        consumed = self.model.consumed_lookup()(users, items)
        return np.where(consumed, 0.0, self.model.probability(users, items))

    def test_both_forms_of_the_model_agree(self) -> None:
        users, items = np.meshgrid(np.arange(self.model.users), np.arange(self.model.items), indexing="ij")
        batch = self.reward_probability(users.ravel(), items.ravel())
        one = [self.scalar.probability(u, i) for u, i in zip(users.ravel().tolist(), items.ravel().tolist())]
        np.testing.assert_allclose(batch, one, rtol=1e-5)

    def test_the_simulator_draws_with_the_port_s_probabilities(self) -> None:
        rng = np.random.default_rng(0)
        expected, rewards = [], []
        with vector_env(256) as env:
            self.assertEqual(self.model.items, env.single_action_space.n)
            observation, _ = env.reset(seed=0)
            for _ in range(220):
                # (Without an item twice in an episode, which would give 0.)
                actions = rng.integers(self.model.items, size=256)
                fresh = (observation["step"] < 10) & ~(observation["items"] == actions[:, None] + 1).any(1)
                users = observation["user"]
                observation, reward, *_ = env.step(actions)
                expected.append(self.reward_probability(users, actions)[fresh])
                rewards.append(reward[fresh])
        probability, reward = np.concatenate(expected), np.concatenate(rewards)
        self.assertFalse(reward[probability == 0].any())
        # In each tenth of the pairs, from unlikely to likely: as many likes as expected, within 5 standard deviations.
        order = np.argsort(probability, kind="stable")
        for part in np.array_split(order, 10):
            deviation = np.sqrt((probability[part] * (1 - probability[part])).sum())
            self.assertLessEqual(abs(reward[part].sum() - probability[part].sum()), 5 * deviation + 1e-9)
        self.assertGreater(probability.max(), 3 * probability[probability > 0].min())

    def test_one_and_many_get_the_same_mean_reward(self) -> None:
        rng = np.random.default_rng(0)
        actions = rng.integers(self.model.items, size=(250, 200))
        for rules in (Rules(10), Rules(30, patience=5, boredom=3)):
            vector, total, steps = PortVectorEnv(self.model, rules, 200), 0.0, 0
            vector.reset(seed=0)
            over = np.zeros(200, bool)
            for row in actions:
                steps += 200 - int(over.sum())
                _, reward, terminated, truncated, _ = vector.step(row)
                over = terminated | truncated
                total += float(reward.sum())
            env, one, episodes = PortEnv(self.scalar, rules), 0.0, 0
            env.reset(seed=1)
            for action in actions.ravel()[:20_000]:
                _, reward, terminated, truncated, _ = env.step(action)
                one += reward
                if terminated or truncated:
                    episodes += 1
                    env.reset()
            mean = total / steps
            self.assertLess(abs(one / 20_000 - mean), 5 * np.sqrt(mean * (1 - mean) * (1 / 20_000 + 1 / steps)))
            # As many steps per episode: rows that begin one are not counted in `steps`.
            self.assertAlmostEqual(steps / (250 * 200 - steps) / (20_000 / episodes), 1.0, delta=0.1)
            check_env(PortEnv(self.scalar, rules), skip_render_check=True)

    def test_it_prints_a_line_a_run(self) -> None:
        words = [sys.executable, str(PEERS / "gymnasium_port.py"), "--environment", str(ENVIRONMENT)]
        words += ["--seconds", "0.01", "--runs", "2", "--batch", "1", "--batch", "8"]
        output = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        lines = [json.loads(line) for line in output.splitlines()]
        self.assertEqual([line["batch"] for line in lines], [1, 1, 8, 8, 8, 8])
        for line in lines:
            self.assertEqual(list(line), ["peer", "batch", "steps", "seconds", "cpu_seconds", "mean_reward"])


class Beside(unittest.TestCase):
    def test_every_tool_has_a_help(self) -> None:
        for tool in ("pretrain", "online", "profiler", "simulator"):
            words = [sys.executable, str(PEERS / "beside"), tool, "--help"]
            self.assertIn("--rounds", subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    def test_ours_stands_beside_the_peers_and_one_that_fails_is_named(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            # An environment that counts as installed, in which RecSim fails.
            venv = Path(folder, "simulator")
            (venv / "bin").mkdir(parents=True)
            wanted = (PEERS / "requirements-simulator.txt").read_text()
            (venv / "headstart-requirements.txt").write_text(wanted)
            python = venv / "bin" / "python"
            python.write_text(f'#!/bin/sh\ncase $1 in *recsim*) exit 3 ;; esac\nexec "{sys.executable}" "$@"\n')
            python.chmod(0o755)
            binaries = Path(os.environ["HEADSTART_SIMULATOR"]).parent
            words = [sys.executable, str(PEERS / "beside"), "simulator", "--quick", "--venvs", folder]
            words += ["--bin", str(binaries), "--environment", str(ENVIRONMENT), "--leave", "5", "3"]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("error: recsim_peer.py failed", done.stderr)
        tables = [table.splitlines() for table in done.stdout.split("\n\n")[1:]]
        self.assertEqual([rows[0] for rows in tables], [f"environments at once: {n}, steps/s" for n in (1, 32, 1024)])
        for rows in tables:
            self.assertRegex(rows[2], r"^ours, alone, 1 core +[\d,.]+ .* 1\.00$")
            self.assertRegex(rows[-1], r"^Gymnasium port.* +[\d.]+$")


if __name__ == "__main__":
    unittest.main()

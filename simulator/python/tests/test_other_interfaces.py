"""The environment as others want it: one Gymnasium environment, flat observations, Stable-Baselines3, the example."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types
import unittest
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from support import ENVIRONMENT, LOG, play, vector_env

from headstart_simulator import BoxObservation, BoxVectorObservation, HeadstartEnv, HeadstartVectorEnv

ID = "headstart/Simulator-v0"


class One(unittest.TestCase):
    def test_gymnasium_s_checker_has_no_complaint(self) -> None:
        for options in ({}, {"log": LOG, "action_mask": True, "rule": "leave"}):
            env = gymnasium.make(ID, environment=ENVIRONMENT, **options)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                check_env(env.unwrapped)
            env.close()

    def test_its_episodes_are_those_of_environment_0(self) -> None:
        with vector_env(3, rule="leave") as vector:
            expected = [rows[0] for rows in play(vector, 60, seed=2)]
        env = HeadstartEnv(ENVIRONMENT, rule="leave")
        self.addCleanup(env.close)
        observation, _ = env.reset(seed=2)
        for row in expected:
            self.assertEqual(observation["user"], row.user)
            if row.step == 0:
                observation, _ = env.reset()
                continue
            observation, *rest = env.step(row.action)
            self.assertEqual((observation["step"], *rest[:3]), (row.step, row.reward, row.terminated, row.truncated))

    def test_an_episode_that_is_over_needs_a_reset(self) -> None:
        env = HeadstartEnv(ENVIRONMENT, horizon=1)
        self.addCleanup(env.close)
        with self.assertRaises(ResetNeeded):
            env.step(0)
        env.reset(seed=0)
        env.step(0)
        with self.assertRaises(ResetNeeded):
            env.step(0)

    def test_the_vector_environment_is_registered_too(self) -> None:
        mode = gymnasium.VectorizeMode.VECTOR_ENTRY_POINT
        env = gymnasium.make_vec(ID, num_envs=3, vectorization_mode=mode, environment=ENVIRONMENT)
        self.assertIsInstance(env.unwrapped, HeadstartVectorEnv)
        self.assertEqual(env.reset(seed=0)[0]["user"].shape, (3,))
        env.close()


class Flat(unittest.TestCase):
    def test_a_bag_has_one_place_for_each_item_and_feedback(self) -> None:
        with vector_env(6, log=LOG) as env:
            flat_env = BoxVectorObservation(env)
            items = int(env.single_action_space.n)
            plain, _ = env.reset(seed=0)
            flat, _ = flat_env.reset(seed=0)
            self.assertTrue(flat_env.observation_space.contains(flat))
            for i in range(6):
                liked = {c - 1 for c, f in zip(plain["items"][i], plain["feedback"][i]) if f > 0}
                not_liked = {items + c - 1 for c, f in zip(plain["items"][i], plain["feedback"][i]) if f < 0}
                user = {2 * items + plain["user"][i]}
                self.assertEqual(set(np.flatnonzero(flat[i]).tolist()), liked | not_liked | user)
            self.assertAlmostEqual(float(flat_env.step(np.zeros(6, int))[0][0, -1]), 0.1)

    def test_codes_are_the_observation_end_to_end(self) -> None:
        env = HeadstartEnv(ENVIRONMENT, log=LOG)
        flat_env = BoxObservation(env, "codes")
        self.addCleanup(flat_env.close)
        plain, _ = env.reset(seed=0)
        flat, _ = flat_env.reset(seed=0)
        self.assertTrue(flat_env.observation_space.contains(flat))
        whole = [*plain["items"], *plain["feedback"], plain["user"], plain["step"]]
        self.assertEqual(flat.tolist(), whole)
        with self.assertRaisesRegex(ValueError, "'bag' or 'codes'"):
            BoxObservation(env, "other")
        with self.assertRaisesRegex(TypeError, "Headstart"):
            BoxObservation(flat_env)


class StableBaselines3(unittest.TestCase):
    """The adapter against the least of a VecEnv: the library itself is too heavy for these tests."""

    def setUp(self) -> None:
        class VecEnv:
            def __init__(self, num_envs: int, observation_space: Any, action_space: Any) -> None:
                self.num_envs, self.observation_space, self.action_space = num_envs, observation_space, action_space

            def step(self, actions: Any) -> Any:
                self.step_async(actions)  # type: ignore[attr-defined]
                return self.step_wait()  # type: ignore[attr-defined]

            def _get_indices(self, indices: Any) -> Any:
                return range(self.num_envs) if indices is None else indices

        name = "stable_baselines3.common.vec_env"
        parts = ["stable_baselines3", "stable_baselines3.common", name]
        kept = {part: sys.modules.get(part) for part in [*parts, "headstart_simulator.sb3"]}

        def restore() -> None:
            for part, module in kept.items():
                sys.modules.pop(part, None)
                if module is not None:
                    sys.modules[part] = module

        self.addCleanup(restore)
        for part in parts:
            sys.modules[part] = types.ModuleType(part)
        sys.modules[name].VecEnv = VecEnv  # type: ignore[attr-defined]
        sys.modules.pop("headstart_simulator.sb3", None)
        self.sb3 = importlib.import_module("headstart_simulator.sb3")

    def test_an_episode_s_end_and_the_next_begin_are_one_step(self) -> None:
        with vector_env(5, rule="leave", patience=2, horizon=6) as reference:
            expected = list(play(reference, 80, seed=3))
        env = self.sb3.HeadstartVecEnv(
            vector_env(5, rule="leave", patience=2, horizon=6, action_mask=True), encoding="codes"
        )
        self.addCleanup(env.close)
        env.seed(3)
        observation = env.reset()
        # Each environment's rows, without those that only begin an episode.
        rows = [[row for row in (step[i] for step in expected) if row.step > 0] for i in range(5)]
        for time in range(30):
            before = observation
            observation, reward, done, infos = env.step(np.array([rows[i][time].action for i in range(5)]))
            for i, row in enumerate(r[time] for r in rows):
                self.assertEqual(before[i][-2], row.user)
                self.assertEqual((reward[i], done[i]), (row.reward, row.terminated or row.truncated))
                if done[i]:
                    self.assertEqual(infos[i]["terminal_observation"][-1], row.step)
                    self.assertEqual(infos[i]["TimeLimit.truncated"], row.truncated)
                    self.assertEqual(observation[i][-1], 0)
                else:
                    self.assertEqual((infos[i], observation[i][-1]), ({}, row.step))
        masks = env.env_method("action_masks")
        self.assertEqual((len(masks), masks[0].dtype), (5, np.bool_))
        self.assertEqual(env.get_attr("num_envs", [0, 1]), [5, 5])

    def test_dicts_are_kept_where_asked_for(self) -> None:
        env = self.sb3.HeadstartVecEnv(vector_env(2, horizon=1), encoding=None)
        self.addCleanup(env.close)
        env.reset()
        _, _, done, infos = env.step(np.array([3, 4]))
        self.assertTrue(done.all())
        self.assertEqual([info["terminal_observation"]["items"][-1] for info in infos], [4, 5])

    def test_without_the_library_the_error_says_what_to_install(self) -> None:
        sys.modules.pop("headstart_simulator.sb3", None)
        sys.modules["stable_baselines3.common.vec_env"] = None  # type: ignore[assignment]
        with self.assertRaisesRegex(ImportError, "pip install stable-baselines3"):
            importlib.import_module("headstart_simulator.sb3")


class Examples(unittest.TestCase):
    def test_reinforce_runs(self) -> None:
        script = Path(__file__).parents[1] / "examples" / "reinforce.py"
        words = [sys.executable, str(script), "--environment", str(ENVIRONMENT), "--log", str(LOG), "--envs", "8"]
        output = subprocess.run([*words, "--rounds", "10"], capture_output=True, text=True, check=False)
        self.assertEqual(output.returncode, 0, output.stderr)
        self.assertEqual(output.stdout.count("mean return"), 10)


if __name__ == "__main__":
    unittest.main()

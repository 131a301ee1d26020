"""The vector environment: Gymnasium's conventions, the rules of an episode, and reproducible trajectories."""

from __future__ import annotations

import unittest
from itertools import islice

import numpy as np
from gymnasium.vector import AutoresetMode
from support import LOG, Row, play, vector_env

from headstart_simulator.state import WINDOW


def column(steps: list[list[Row]], env: int) -> list[Row]:
    return [rows[env] for rows in steps]


class Conventions(unittest.TestCase):
    def test_observations_lie_in_their_space(self) -> None:
        for rule in ("fixed", "leave"):
            with vector_env(5, rule=rule, log=LOG, action_mask=True) as env:
                self.assertEqual(env.metadata["autoreset_mode"], AutoresetMode.NEXT_STEP)
                observation, info = env.reset(seed=1)
                for time in range(40):
                    self.assertTrue(env.observation_space.contains(observation), observation)
                    self.assertEqual(info["action_mask"].shape, (5, env.single_action_space.n))
                    self.assertTrue(info["_action_mask"].all())
                    observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
                    for values, kind in ((reward, "f"), (terminated, "b"), (truncated, "b")):
                        self.assertEqual((values.shape, values.dtype.kind), ((5,), kind))
                    self.assertTrue(np.isin(reward, (0, 1)).all(), time)

    def test_what_was_returned_does_not_change_later(self) -> None:
        with vector_env(2, action_mask=True) as env:
            observation, info = env.reset(seed=0)
            kept = {name: values.copy() for name, values in observation.items()}
            mask = info["action_mask"].copy()
            env.step(np.array([1, 2]))
            for name, values in kept.items():
                np.testing.assert_array_equal(observation[name], values)
            np.testing.assert_array_equal(info["action_mask"], mask)

    def test_the_step_after_the_last_one_begins_the_next_episode(self) -> None:
        with vector_env(3, horizon=4) as env:
            observation, _ = env.reset(seed=5)
            for time in range(1, 5):
                observation, _, terminated, truncated, _ = env.step(np.arange(3))
                self.assertEqual(observation["step"].tolist(), [time] * 3)
                self.assertEqual(truncated.tolist(), [time == 4] * 3)
                self.assertFalse(terminated.any())
            # The last action of an episode is the last thing in its last observation.
            self.assertEqual(observation["items"][:, -1].tolist(), [1, 2, 3])
            # Any action will do now, even one that is not an item.
            observation, reward, terminated, truncated, _ = env.step(np.full(3, -1))
            self.assertEqual(observation["step"].tolist(), [0] * 3)
            self.assertEqual(reward.tolist(), [0] * 3)
            self.assertFalse((terminated | truncated).any() or observation["items"].any())

    def test_history_is_what_was_shown_and_how_it_was_taken(self) -> None:
        with vector_env(3, horizon=14) as env:
            observation, _ = env.reset(seed=2)
            items, feedback = [], []
            for time in range(14):
                actions = np.array([time, time + 1, 2 * time])
                observation, reward, *_ = env.step(actions)
                items.append(actions + 1)
                feedback.append(np.where(reward > 0, 1, -1))
                empty = max(0, WINDOW - len(items))
                np.testing.assert_array_equal(observation["items"][:, empty:], np.transpose(items[-WINDOW:]))
                np.testing.assert_array_equal(observation["feedback"][:, empty:], np.transpose(feedback[-WINDOW:]))
                self.assertFalse(observation["items"][:, :empty].any() or observation["feedback"][:, :empty].any())
            self.assertGreater(np.array(feedback).max(), 0, "nothing was ever liked")


class Rules(unittest.TestCase):
    def test_under_fixed_every_episode_is_cut_at_the_horizon(self) -> None:
        with vector_env(4) as env:
            for rows in play(env, 60, seed=3):
                for row in rows:
                    self.assertEqual((row.terminated, row.truncated), (False, row.step == 10))

    def test_under_leave_a_user_without_patience_terminates(self) -> None:
        with vector_env(8, rule="leave", patience=3, boredom=1000, horizon=5) as env:
            run, ends = [0] * 8, {"terminated": 0, "truncated": 0}
            for rows in play(env, 400, seed=3):
                for i, row in enumerate(rows):
                    run[i] = 0 if row.step == 0 or row.reward else run[i] + 1
                    self.assertEqual(row.terminated, run[i] == 3, row)
                    self.assertEqual(row.truncated, row.step == 5 and not row.terminated, row)
                    ends["terminated"] += row.terminated
                    ends["truncated"] += row.truncated
            self.assertGreater(ends["terminated"], 0)
            self.assertGreater(ends["truncated"], 0)

    def test_a_bored_user_terminates(self) -> None:
        # The same item again is too similar to itself.
        with vector_env(3, rule="leave", patience=100, boredom=2, horizon=50) as env:
            env.reset(seed=0)
            ends = [env.step(np.full(3, 4))[2].tolist() for _ in range(3)]
            self.assertEqual(ends, [[False] * 3, [False] * 3, [True] * 3])

    def test_repeats_give_nothing(self) -> None:
        with vector_env(16, log=LOG, action_mask=True) as env:
            _, info = env.reset(seed=0)
            allowed_earned = 0.0
            for time in range(330):
                mask = info["action_mask"]
                repeats = np.array([np.flatnonzero(row == 0)[time % (row == 0).sum()] for row in mask])
                fresh = np.array([np.flatnonzero(row)[0] for row in mask])
                forbidden = time % 2 == 0
                _, reward, _, _, info = env.step(repeats if forbidden else fresh)
                if forbidden:
                    self.assertFalse(reward.any())
                allowed_earned += reward.sum()
            self.assertGreater(allowed_earned, 0)

    def test_what_was_shown_in_the_episode_is_masked_until_the_next(self) -> None:
        with vector_env(2, horizon=3, action_mask=True) as env:
            _, info = env.reset(seed=0)
            self.assertTrue(info["action_mask"].all())
            for time in range(3):
                info = env.step(np.array([time, 5]))[-1]
            self.assertEqual(np.flatnonzero(info["action_mask"][0] == 0).tolist(), [0, 1, 2])
            self.assertEqual(np.flatnonzero(info["action_mask"][1] == 0).tolist(), [5])
            self.assertTrue(env.step(np.array([0, 0]))[-1]["action_mask"].all())


class Reproducible(unittest.TestCase):
    def test_the_same_seed_gives_the_same_trajectory(self) -> None:
        with vector_env(4, rule="leave") as env:
            first, again, other = (list(play(env, 50, seed=seed)) for seed in (11, 11, 12))
        with vector_env(4, rule="leave", seed=11) as env:
            anew = list(play(env, 50))
        self.assertEqual(first, again)
        self.assertEqual(first, anew)
        self.assertNotEqual(first, other)

    def test_a_trajectory_does_not_depend_on_how_many_run_beside_it(self) -> None:
        few, many = vector_env(2, rule="leave"), vector_env(9, rule="leave")
        with few, many:
            few_steps, many_steps = list(play(few, 60, seed=4)), list(play(many, 60, seed=4))
        for env in range(2):
            self.assertEqual(column(few_steps, env), column(many_steps, env))
        self.assertNotEqual(column(many_steps, 0), column(many_steps, 8))

    def test_a_propensity_changes_nothing(self) -> None:
        with vector_env(3) as env:
            plain = list(play(env, 20, seed=1))
            env.policy_version = 7
            step, env.step = env.step, lambda actions: env.step_with(actions, [0.5, 0.25, 1.0])  # type: ignore
            self.assertEqual(plain, list(play(env, 20, seed=1)))
            env.step = step  # type: ignore[method-assign]


class Resets(unittest.TestCase):
    def test_a_reset_at_the_end_goes_on_as_the_autoreset_does(self) -> None:
        with vector_env(3, horizon=3) as env:
            by_itself = [row.user for rows in play(env, 4 * 5, seed=6) for row in rows if row.step == 1]
            asked = []
            for episode in range(5):
                rows = next(islice(play(env, 3, seed=6 if episode == 0 else None), 0, None))
                asked += [row.user for row in rows]
                for time in range(2):
                    env.step(np.full(3, time))
        self.assertEqual(by_itself, asked)

    def test_a_reset_in_the_middle_begins_later_episodes_everywhere(self) -> None:
        def users() -> list[list[int]]:
            seen = []
            with vector_env(6, rule="leave", patience=2, horizon=8) as env:
                observation, _ = env.reset(seed=9)
                for steps in (3, 5, 1):
                    for time in range(steps):
                        env.step(np.full(6, time))
                    observation, _ = env.reset()
                    self.assertFalse(observation["step"].any() or observation["items"].any())
                    seen.append(observation["user"].tolist())
            return seen

        self.assertEqual(users(), users())

    def test_begin_next_leaves_the_others_where_they_are(self) -> None:
        with vector_env(8, rule="leave", patience=2) as env:
            env.reset(seed=1)
            mixed = 0
            for time in range(60):
                before, _, terminated, truncated, _ = env.step(np.full(8, time % 40))
                over = terminated | truncated
                after, _ = env.begin_next()
                self.assertFalse(after["step"][over].any())
                for name in before:
                    np.testing.assert_array_equal(before[name][~over], after[name][~over])
                mixed += 0 < over.sum() < 8
            self.assertGreater(mixed, 0)

    def test_seeds_are_single_and_not_negative(self) -> None:
        with vector_env(2) as env:
            with self.assertRaisesRegex(TypeError, "one integer"):
                env.reset(seed=[1, 2])  # type: ignore[arg-type]
            with self.assertRaisesRegex(ValueError, "from 0"):
                env.reset(seed=-1)
            with self.assertRaisesRegex(ValueError, "reset_mask"):
                env.reset(options={"reset_mask": np.array([True, False])})


if __name__ == "__main__":
    unittest.main()

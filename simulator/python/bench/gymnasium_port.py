"""A port of the simulator's environment to Python, as a peer of `simulator bench`.

Three ways to step it: one environment at a time, as most Gymnasium environments are written; many of those in a
SyncVectorEnv; many at once in numpy. All with uniformly random items, drawn beforehand, in one thread. Prints one JSON
line each: {"peer", "batch", "steps", "seconds", "cpu_seconds", "mean_reward"}.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any, Optional

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space
from port_model import ScalarModel, UserModel


class Rules:
    """When an episode ends: `fixed` after 10 steps, `leave` after a run of 5 items not liked or after 30 steps."""

    def __init__(self, rule: str = "fixed", horizon: Optional[int] = None, patience: Optional[int] = None) -> None:
        """Take the rule, and what differs from its defaults."""
        leave = rule == "leave"
        self.horizon = horizon or (30 if leave else 10)
        self.patience = (patience or 5) if leave else self.horizon + 1


def observation_space(users: int, items: int, horizon: int) -> spaces.MultiDiscrete:
    """Return the space of (user, step, last item + 1)."""
    return spaces.MultiDiscrete([users, horizon + 1, items + 1])


class PortEnv(gymnasium.Env):
    """One environment."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, model: ScalarModel, rules: Rules) -> None:
        """Take the model, which environments share."""
        self._model, self._rules = model, rules
        self.action_space = spaces.Discrete(model.items)
        self.observation_space = observation_space(model.users, model.items, rules.horizon)

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[dict[str, Any]] = None
    ) -> tuple[Any, dict[str, Any]]:
        """Draw a user."""
        super().reset(seed=seed)
        self._user = int(self.np_random.integers(self._model.users))
        self._step = self._dislikes = 0
        self._shown: set[int] = set()
        return np.array((self._user, 0, 0)), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Show an item, and draw whether it is liked."""
        item = int(action)
        probability = 0.0 if item in self._shown else self._model.probability(self._user, item)
        liked = self.np_random.random() < probability
        self._shown.add(item)
        self._step += 1
        self._dislikes = 0 if liked else self._dislikes + 1
        terminated = self._dislikes >= self._rules.patience
        truncated = not terminated and self._step >= self._rules.horizon
        return np.array((self._user, self._step, item + 1)), float(liked), terminated, truncated, {}


class PortVectorEnv(VectorEnv):
    """Many environments at once, all in arrays."""

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, model: UserModel, rules: Rules, num_envs: int) -> None:
        """Take the model."""
        self._model, self._rules, self.num_envs = model, rules, num_envs
        self._consumed = model.consumed_lookup()
        self.single_action_space = spaces.Discrete(model.items)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.single_observation_space = observation_space(model.users, model.items, rules.horizon)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._rows = np.arange(num_envs)

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[dict[str, Any]] = None
    ) -> tuple[Any, dict[str, Any]]:
        """Draw all users."""
        super().reset(seed=seed)
        self._user = self.np_random.integers(self._model.users, size=self.num_envs)
        self._step, self._dislikes, self._last = np.zeros((3, self.num_envs), np.int64)
        self._shown = np.full((self.num_envs, self._rules.horizon), -1, np.int64)
        self._over = np.zeros(self.num_envs, bool)
        return self._observation(), {}

    def _observation(self) -> Any:
        return np.stack((self._user, self._step, self._last), axis=1)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Show an item in each environment; those whose episode is over begin the next."""
        begins = self._over
        users = self._user
        repeat = (self._shown == actions[:, None]).any(1) | self._consumed(users, actions)
        probability = np.where(repeat | begins, 0.0, self._model.probability(users, actions))
        liked = self.np_random.random(self.num_envs) < probability
        self._shown[self._rows, np.minimum(self._step, self._rules.horizon - 1)] = actions
        self._step += 1
        self._dislikes = np.where(liked, 0, self._dislikes + 1)
        self._last = actions + 1
        if begins.any():
            self._user = users.copy()
            self._user[begins] = self.np_random.integers(self._model.users, size=int(begins.sum()))
            self._step[begins] = self._dislikes[begins] = self._last[begins] = 0
            self._shown[begins] = -1
        terminated = self._dislikes >= self._rules.patience
        truncated = ~terminated & (self._step >= self._rules.horizon)
        self._over = terminated | truncated
        return self._observation(), liked.astype(np.float32), terminated, truncated, {}


def play_one(env: PortEnv, actions: Any, seed: int) -> tuple[float, int]:
    """Step one environment through ``actions``; return the rewards' sum and the steps."""
    total = 0.0
    env.reset(seed=seed)
    for action in actions.tolist():
        _, reward, terminated, truncated, _ = env.step(action)
        total += reward
        if terminated or truncated:
            env.reset()
    return total, len(actions)


def play_many(env: VectorEnv, actions: Any, seed: int) -> tuple[float, int]:
    """Step a vector environment through ``actions``; return the rewards' sum and the steps.

    Rows that begin an episode ignore their action and are no steps.
    """
    total, steps = 0.0, actions.size
    over = np.zeros(actions.shape[1], bool)
    env.reset(seed=seed)
    for row in actions:
        steps -= int(np.count_nonzero(over))
        _, reward, terminated, truncated, _ = env.step(row)
        total += float(reward.sum())
        over = terminated | truncated
    return total, steps


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, help="folder that `simulator fit` wrote")
    parser.add_argument("--steps", type=int, default=500_000, help="environment steps of each measurement, about")
    parser.add_argument("--batch", type=int, action="append", help="environments at once (repeatable) [1, 32, 1024]")
    parser.add_argument("--rule", choices=["fixed", "leave"], default="fixed")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, rules = UserModel(args.environment), Rules(args.rule)
    scalar = ScalarModel(model)
    rng = np.random.default_rng(args.seed)

    def measure(peer: str, play: Callable[[Any, Any, int], tuple[float, int]], env: Any, actions: Any) -> None:
        begin, cpu_begin = time.perf_counter(), time.process_time()
        total, steps = play(env, actions, args.seed)
        line = {
            "peer": peer,
            "batch": actions.size // len(actions),
            "steps": steps,
            "seconds": round(time.perf_counter() - begin, 4),
        }
        line.update({"cpu_seconds": round(time.process_time() - cpu_begin, 4), "mean_reward": round(total / steps, 5)})
        print(json.dumps(line), flush=True)

    for batch in args.batch or [1, 32, 1024]:
        actions = rng.integers(model.items, size=(max(1, args.steps // batch), batch))
        if batch == 1:
            env = PortEnv(scalar, rules)
            play_one(env, actions[:1000, 0], args.seed)
            measure("gymnasium port", play_one, env, actions[:, 0])
            continue
        together: dict[str, VectorEnv] = {
            "gymnasium port, SyncVectorEnv": SyncVectorEnv([lambda: PortEnv(scalar, rules)] * batch),
            "gymnasium port, numpy batch": PortVectorEnv(model, rules, batch),
        }
        for peer, vector in together.items():
            play_many(vector, actions[:20], args.seed)
            measure(peer, play_many, vector, actions)


if __name__ == "__main__":
    main()

"""A port of the simulator's environment to Python, for `beside simulator`: the same user model, the same rules.

Three ways to step it: one environment at a time, as most Gymnasium environments are written; many of those in a
SyncVectorEnv; many at once in numpy. All with uniformly random items, drawn beforehand, in one thread. Prints a
JSON line a run: {"peer", "batch", "steps", "seconds", "cpu_seconds", "mean_reward"}. Rows that begin an episode are no
steps.
"""

from __future__ import annotations

import argparse
import bisect
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Optional

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space

# Up to this many cells a table answers who consumed what; beyond it, a sorted list of pairs.
MOST_CELLS = 1 << 28
# Two items are too similar to follow each other when their cosine is above that of all but this share of pairs.
SIMILAR_SHARE = 0.05


def read_safetensors(path: Path) -> dict[str, Any]:
    """Read all tensors of a file: eight bytes of header length, a JSON header, the values."""
    kinds = {"F32": np.dtype("<f4"), "U32": np.dtype("<u4"), "U64": np.dtype("<u8")}
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:begin]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            kind = kinds[entry["dtype"]]
            values = np.frombuffer(data, kind, (last - first) // kind.itemsize, begin + first)
            tensors[name] = values.reshape(entry["shape"])
    return tensors


class UserModel:
    """Who would like what, and what each user has consumed (which gives no reward again); for arrays of pairs."""

    def __init__(self, environment: str) -> None:
        """Read `user_model.safetensors` of an environment's folder."""
        tensors = read_safetensors(Path(environment) / "user_model.safetensors")
        self.user_vector, self.user_bias = tensors["user_vector"], tensors["user_bias"]
        self.item_vector, self.item_bias = tensors["item_vector"], tensors["item_bias"]
        self.slope = float(tensors["calibration_slope"][0])
        self.knots_x = tensors["calibration_x"].astype(np.float64)
        self.knots_y = tensors["calibration_y"].astype(np.float64)
        self.offsets = tensors["consumed_offset"].astype(np.int64)
        self.consumed = tensors["consumed_item"].astype(np.int64)
        self.users, self.items = len(self.user_bias), len(self.item_bias)

    def probability(self, users: Any, items: Any) -> Any:
        """Return the chance of a like for each pair, whatever was consumed."""
        logit = self.user_bias[users] + self.item_bias[items]
        logit = logit + np.einsum("ij,ij->i", self.user_vector[users], self.item_vector[items])
        inside = np.interp(logit, self.knots_x, self.knots_y)
        outside = np.minimum(logit - self.knots_x[0], 0.0) + np.maximum(logit - self.knots_x[-1], 0.0)
        return 1.0 / (1.0 + np.exp(-(inside + self.slope * outside)))

    def consumed_lookup(self) -> Callable[[Any, Any], Any]:
        """Return a function of arrays (users, items) that tells which pairs are in the log."""
        of_user = np.repeat(np.arange(self.users), np.diff(self.offsets))
        if self.users * self.items <= MOST_CELLS:
            table = np.zeros((self.users, self.items), bool)
            table[of_user, self.consumed] = True
            return lambda users, items: table[users, items]
        pairs = of_user * self.items + self.consumed

        def look_up(users: Any, items: Any) -> Any:
            wanted = users * self.items + items
            return pairs[np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)] == wanted

        return look_up

    def directions(self) -> tuple[Any, float]:
        """Return the items' vectors with length 1, and the cosine from which on two are too similar."""
        length = np.linalg.norm(self.item_vector, axis=1, keepdims=True)
        unit = np.divide(self.item_vector, length, out=np.zeros_like(self.item_vector), where=length > 0)
        one, other = np.random.default_rng(0).integers(self.items, size=(2, 1 << 16))
        cosines = np.einsum("ij,ij->i", unit[one], unit[other])[one != other]
        return unit, float(np.quantile(cosines, 1.0 - SIMILAR_SHARE))


class ScalarModel:
    """The same for one pair at a time, from Python numbers and row views: several times faster than arrays of one."""

    def __init__(self, model: UserModel) -> None:
        """Take the rows apart."""
        self._x, self._y = list(model.user_vector), list(model.item_vector)
        self._b, self._c = model.user_bias.tolist(), model.item_bias.tolist()
        self._knots_x, self._knots_y = model.knots_x.tolist(), model.knots_y.tolist()
        self._slope = model.slope
        bounds, consumed = model.offsets.tolist(), model.consumed.tolist()
        self._consumed = [frozenset(consumed[a:b]) for a, b in zip(bounds, bounds[1:])]
        unit, self._bar = model.directions()
        self._unit = list(unit)
        self.users, self.items = model.users, model.items

    def probability(self, user: int, item: int) -> float:
        """Return the chance of a like: 0 for an item of the user's log."""
        if item in self._consumed[user]:
            return 0.0
        logit = self._b[user] + self._c[item] + float(self._x[user] @ self._y[item])
        xs, ys = self._knots_x, self._knots_y
        above = bisect.bisect_right(xs, logit)
        if above == 0 or above == len(xs):
            at = 0 if above == 0 else -1
            z = ys[at] + self._slope * (logit - xs[at])
        else:
            x0, x1, y0, y1 = xs[above - 1], xs[above], ys[above - 1], ys[above]
            z = y0 + (y1 - y0) * (logit - x0) / (x1 - x0)
        return 1.0 / (1.0 + math.exp(-z))

    def too_similar(self, one: int, other: int) -> bool:
        """Whether the two items bore a user when one follows the other."""
        return one == other or float(self._unit[one] @ self._unit[other]) > self._bar


class Rules(NamedTuple):
    """When an episode ends: at the horizon; and under `leave` after a run of items not liked, or too similar."""

    horizon: int
    patience: Optional[int] = None
    boredom: Optional[int] = None


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
        self._step = self._dislikes = self._similar = 0
        self._last = -1
        self._shown: set[int] = set()
        return np.array((self._user, 0, 0)), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Show an item, and draw whether it is liked."""
        item, rules = int(action), self._rules
        probability = 0.0 if item in self._shown else self._model.probability(self._user, item)
        liked = self.np_random.random() < probability
        self._shown.add(item)
        self._step += 1
        terminated = False
        if rules.patience is not None:
            self._dislikes = 0 if liked else self._dislikes + 1
            terminated = self._dislikes >= rules.patience
        if rules.boredom is not None:
            alike = self._step > 1 and self._model.too_similar(self._last, item)
            self._similar = self._similar + 1 if alike else 0
            terminated = terminated or self._similar >= rules.boredom
        self._last = item
        truncated = not terminated and self._step >= rules.horizon
        return np.array((self._user, self._step, item + 1)), float(liked), terminated, truncated, {}


class PortVectorEnv(VectorEnv):
    """Many environments at once, all in arrays."""

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, model: UserModel, rules: Rules, num_envs: int) -> None:
        """Take the model."""
        self._model, self._rules, self.num_envs = model, rules, num_envs
        self._consumed = model.consumed_lookup()
        self._unit, self._bar = model.directions()
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
        self._step, self._last = np.zeros((2, self.num_envs), np.int64)
        self._dislikes, self._similar = np.zeros((2, self.num_envs), np.int64)
        self._shown = np.full((self.num_envs, self._rules.horizon), -1, np.int64)
        self._over = np.zeros(self.num_envs, bool)
        return self._observation(), {}

    def _observation(self) -> Any:
        return np.stack((self._user, self._step, self._last), axis=1)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Show an item in each environment; those whose episode is over begin the next."""
        begins, users, rules = self._over, self._user, self._rules
        repeat = (self._shown == actions[:, None]).any(1) | self._consumed(users, actions)
        probability = np.where(repeat | begins, 0.0, self._model.probability(users, actions))
        liked = self.np_random.random(self.num_envs) < probability
        self._shown[self._rows, np.minimum(self._step, rules.horizon - 1)] = actions
        self._step += 1
        terminated = np.zeros(self.num_envs, bool)
        if rules.patience is not None:
            self._dislikes = np.where(liked | begins, 0, self._dislikes + 1)
            terminated |= self._dislikes >= rules.patience
        if rules.boredom is not None:
            last = np.maximum(self._last - 1, 0)
            cosine = np.einsum("ij,ij->i", self._unit[last], self._unit[actions])
            alike = (self._last > 0) & ((last == actions) | (cosine > self._bar)) & ~begins
            self._similar = np.where(alike, self._similar + 1, 0)
            terminated |= self._similar >= rules.boredom
        self._last = actions + 1
        if begins.any():
            self._user = users.copy()
            self._user[begins] = self.np_random.integers(self._model.users, size=int(begins.sum()))
            self._step[begins] = self._last[begins] = 0
            self._shown[begins] = -1
        truncated = ~terminated & (self._step >= rules.horizon)
        self._over = terminated | truncated
        return self._observation(), liked.astype(np.float32), terminated, truncated, {}


def play_one(env: PortEnv, actions: Any, seconds: float) -> tuple[float, int]:
    """Step one environment for ``seconds``, through ``actions`` in turn; return the rewards' sum and the steps."""
    total, steps, end = 0.0, 0, time.perf_counter() + seconds
    env.reset()
    while time.perf_counter() < end:
        for action in actions:
            _, reward, terminated, truncated, _ = env.step(action)
            total += reward
            if terminated or truncated:
                env.reset()
        steps += len(actions)
    return total, steps


def play_many(env: VectorEnv, actions: Any, seconds: float) -> tuple[float, int]:
    """Step a vector environment as :func:`play_one` does, one row of ``actions`` a step."""
    total, steps, end = 0.0, 0, time.perf_counter() + seconds
    over = np.zeros(actions.shape[1], bool)
    env.reset()
    while time.perf_counter() < end:
        for row in actions:
            steps += len(row) - int(np.count_nonzero(over))
            _, reward, terminated, truncated, _ = env.step(row)
            total += float(reward.sum())
            over = terminated | truncated
    return total, steps


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, help="folder that `simulator fit` wrote")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long one run lasts, about")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--batch", type=int, action="append", help="environments at once (repeatable) [1, 32, 1024]")
    parser.add_argument("--horizon", type=int, default=10)
    parser.add_argument("--patience", type=int, help="the rule `leave`, with --boredom")
    parser.add_argument("--boredom", type=int)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, rules = UserModel(args.environment), Rules(args.horizon, args.patience, args.boredom)
    scalar = ScalarModel(model)
    rng = np.random.default_rng(args.seed)

    def measure(
        peer: str, batch: int, play: Callable[[Any, Any, float], tuple[float, int]], env: Any, rows: Any
    ) -> None:
        env.reset(seed=args.seed)
        play(env, rows, 0.1 * args.seconds)
        for _ in range(args.runs):
            begin, cpu_begin = time.perf_counter(), time.process_time()
            total, steps = play(env, rows, args.seconds)
            line = {"peer": peer, "batch": batch, "steps": steps, "seconds": round(time.perf_counter() - begin, 4)}
            line.update(cpu_seconds=round(time.process_time() - cpu_begin, 4), mean_reward=round(total / steps, 5))
            print(json.dumps(line), flush=True)

    for batch in args.batch or [1, 32, 1024]:
        if batch == 1:
            actions = rng.integers(model.items, size=1024).tolist()
            measure("Gymnasium port", 1, play_one, PortEnv(scalar, rules), actions)
            continue
        actions = rng.integers(model.items, size=(64, batch))
        loop = SyncVectorEnv([lambda: PortEnv(scalar, rules)] * batch)
        measure("Gymnasium port, SyncVectorEnv", batch, play_many, loop, actions)
        measure("Gymnasium port, numpy batch", batch, play_many, PortVectorEnv(model, rules, batch), actions)


if __name__ == "__main__":
    main()

"""Observations as one flat array, for code that wants a Box (CleanRL's scripts, multi-layer perceptrons)."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorObservationWrapper
from gymnasium.vector.utils import batch_space

Floats = npt.NDArray[np.float32]


class Flattener:
    """From observations (batched) to rows of floats.

    ``bag``: for every item whether it is among the last 10 and was liked, for every item whether it is among them
    and was not, which user it is (one-hot), and the step over the horizon: 2 items + users + 1 numbers. Their order
    is lost. ``codes``: the 10 item codes, the 10 feedbacks, the user's code and the step: 22 numbers at any size,
    for networks that begin with embeddings.
    """

    def __init__(self, space: spaces.Space[Any], encoding: str) -> None:
        """Take the space of one environment's observations."""
        if not isinstance(space, spaces.Dict) or set(space) != {"items", "feedback", "user", "step"}:
            raise TypeError(f"the observations to flatten are those of a Headstart environment, not {space}")
        if encoding not in ("bag", "codes"):
            raise ValueError(f"encoding is 'bag' or 'codes', not {encoding!r}")
        self._bag = encoding == "bag"
        self._items = int(space["items"].nvec[0]) - 1  # type: ignore[attr-defined]
        self._users = int(space["user"].n)  # type: ignore[attr-defined]
        self._horizon = int(space["step"].n) - 1  # type: ignore[attr-defined]
        window = space["items"].shape[0]  # type: ignore[index]
        if self._bag:
            self.space = spaces.Box(0.0, 1.0, (2 * self._items + self._users + 1,), np.float32)
        else:
            high = np.repeat([self._items, 1, self._users - 1, self._horizon], [window, window, 1, 1])
            low = np.repeat([0, -1, 0, 0], [window, window, 1, 1])
            self.space = spaces.Box(low.astype(np.float32), high.astype(np.float32))

    def flatten(self, observation: Any) -> Floats:
        """Flatten observations, one row an environment."""
        items, feedback = observation["items"], observation["feedback"]
        user, step = observation["user"], observation["step"]
        if not self._bag:
            return np.concatenate([items, feedback, user[:, None], step[:, None]], axis=1).astype(np.float32)
        flat = np.zeros((len(user), *self.space.shape), np.float32)
        row, place = np.nonzero(items)
        liked = feedback[row, place] > 0
        flat[row, np.where(liked, 0, self._items) + items[row, place] - 1] = 1.0
        flat[np.arange(len(user)), 2 * self._items + user] = 1.0
        flat[:, -1] = step / self._horizon
        return flat


class BoxObservation(gymnasium.ObservationWrapper):
    """One environment with flat observations; see :class:`Flattener`."""

    def __init__(self, env: gymnasium.Env[Any, Any], encoding: str = "bag") -> None:
        """Wrap ``env``; ``encoding`` is ``bag`` or ``codes``."""
        super().__init__(env)
        self._flattener = Flattener(env.observation_space, encoding)
        self.observation_space = self._flattener.space

    def observation(self, observation: Any) -> Floats:
        """Flatten one observation."""
        row: Floats = self._flattener.flatten({name: np.asarray(value)[None] for name, value in observation.items()})[0]
        return row


class BoxVectorObservation(VectorObservationWrapper):
    """A vector environment with flat observations; see :class:`Flattener`."""

    def __init__(self, env: VectorEnv[Any, Any, Any], encoding: str = "bag") -> None:
        """Wrap ``env``; ``encoding`` is ``bag`` or ``codes``."""
        super().__init__(env)
        self._flattener = Flattener(env.single_observation_space, encoding)
        self.single_observation_space = self._flattener.space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def observations(self, observations: Any) -> Floats:
        """Flatten a batch of observations."""
        return self._flattener.flatten(observations)

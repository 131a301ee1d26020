"""The states of the MDP, one row an environment: the user, the step, and the last items with their feedback."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from .log import Log

WINDOW = 10
"""How many of the last items an observation holds."""

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]


def observation_space(items: int, users: int, horizon: int) -> spaces.Dict:
    """Return the space of one environment's observations."""
    return spaces.Dict(
        {
            "items": spaces.MultiDiscrete(np.full(WINDOW, items + 1)),
            "feedback": spaces.Box(-1.0, 1.0, (WINDOW,), np.float32),
            "user": spaces.Discrete(users),
            "step": spaces.Discrete(horizon + 1),
        }
    )


class State:
    """The states of all environments, and which items would be repeats in each."""

    def __init__(self, environments: int, items: int, log: Optional[Log], mask: bool) -> None:
        """Begin with empty histories; ``mask`` asks for action masks, environments x items bytes."""
        self._log = log
        self.user = np.zeros(environments, np.int64)
        self._step = np.zeros(environments, np.int64)
        self._items = np.zeros((environments, WINDOW), np.int64)
        self._feedback = np.zeros((environments, WINDOW), np.float32)
        self._open = np.ones((environments, items), np.int8) if mask else None

    def begin(self, rows: Mask, users: Codes) -> None:
        """Begin episodes in the environments where ``rows`` holds, with these users in the order of environments."""
        self.user[rows] = users
        self._step[rows] = 0
        self._items[rows] = 0 if self._log is None else self._log.items[users]
        self._feedback[rows] = 0 if self._log is None else self._log.feedback[users]
        if self._open is not None:
            self._open[rows] = 1
            if self._log is not None:
                row, item = self._log.consumed_by(users)
                self._open[np.flatnonzero(rows)[row], item] = 0

    def record(self, rows: Mask, actions: Codes, rewards: npt.NDArray[np.float32], steps: Codes) -> None:
        """Append an action and its reward (each an array over all environments) where ``rows`` holds."""
        self._step[rows] = steps[rows]
        self._items[rows, :-1] = self._items[rows, 1:]
        self._items[rows, -1] = actions[rows] + 1
        self._feedback[rows, :-1] = self._feedback[rows, 1:]
        self._feedback[rows, -1] = np.where(rewards[rows] > 0, 1.0, -1.0)
        if self._open is not None:
            self._open[rows, actions[rows]] = 0

    def observation(self) -> dict[str, npt.NDArray[Any]]:
        """Return the observations of all environments, in arrays of their own."""
        return {
            "items": self._items.copy(),
            "feedback": self._feedback.copy(),
            "user": self.user.copy(),
            "step": self._step.copy(),
        }

    def info(self) -> dict[str, Any]:
        """Return the action masks (1 = may be chosen, 0 = a repeat) where they are asked for."""
        if self._open is None:
            return {}
        return {"action_mask": self._open.copy(), "_action_mask": np.ones(len(self._open), np.bool_)}

"""One environment, for code that is written for plain Gymnasium."""

from __future__ import annotations

from typing import Any, Optional

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.error import ResetNeeded

from .vector_env import HeadstartVectorEnv, Observation, Path


class HeadstartEnv(gymnasium.Env):
    """A simulated user who is shown one item a step: :class:`HeadstartVectorEnv` with one environment.

    Takes the same arguments but ``num_envs``. Where speed matters, step many environments at once instead.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, environment: Path, *, render_mode: Optional[str] = None, **options: Any) -> None:
        """Start a simulator, or connect to one; see :class:`HeadstartVectorEnv` for ``options``."""
        if render_mode is not None:
            raise ValueError(f"there is nothing to render, so no render_mode {render_mode!r}")
        self.render_mode = None
        self.vector = HeadstartVectorEnv(environment, 1, **options)
        self.item_ids, self.user_ids = self.vector.item_ids, self.vector.user_ids
        self.action_space = self.vector.single_action_space
        self.observation_space = self.vector.single_observation_space
        self._over = True

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[dict[str, Any]] = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode: the first one under ``seed``, or else the next one."""
        super().reset(seed=seed)
        observation, info = self.vector.reset(seed=seed, options=options)
        self._over = False
        return _first(observation), _first_info(info)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Show the item ``action``."""
        if self._over:
            raise ResetNeeded("the episode is over, or has not begun: call reset() first")
        observation, reward, terminated, truncated, info = self.vector.step(np.asarray([action]))
        self._over = bool(terminated[0] or truncated[0])
        return (
            _first(observation),
            float(reward[0]),
            bool(terminated[0]),
            bool(truncated[0]),
            _first_info(info),
        )

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Return which items are not repeats, in the form that sb3-contrib asks for; needs ``action_mask=True``."""
        masks: npt.NDArray[np.bool_] = self.vector.action_masks()[0]
        return masks

    def close(self) -> None:
        """End the session; the simulator exits. Can be repeated."""
        self.vector.close()


def _first(observation: Observation) -> Observation:
    return {name: values[0] for name, values in observation.items()}


def _first_info(info: dict[str, Any]) -> dict[str, Any]:
    return {name: values[0] for name, values in info.items() if not name.startswith("_")}

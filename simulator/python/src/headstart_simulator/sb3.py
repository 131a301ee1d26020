"""The environment behind Stable-Baselines3's VecEnv interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from .box import Flattener
from .vector_env import HeadstartVectorEnv

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise ImportError(
        "headstart_simulator.sb3 needs Stable-Baselines3: pip install stable-baselines3 "
        "(the rest of headstart_simulator works without it)"
    ) from error


class HeadstartVecEnv(VecEnv):  # type: ignore[misc]
    """A :class:`HeadstartVectorEnv` for Stable-Baselines3.

    Where an episode ends, ``step`` gives the next one's first observation at once, with the last of the old one in
    ``infos[i]["terminal_observation"]``, as Stable-Baselines3 expects; ``TimeLimit.truncated`` tells that it was cut
    at the horizon. Observations are flat (``bag`` or ``codes``, see :class:`Flattener`), or dicts with
    ``encoding=None`` and a ``MultiInputPolicy``. With ``action_mask=True`` in ``venv``, sb3-contrib's MaskablePPO
    finds its masks.
    """

    def __init__(self, venv: HeadstartVectorEnv, encoding: Optional[str] = "bag") -> None:
        """Take over ``venv``; closing this closes it."""
        self.venv = venv
        space = venv.single_observation_space
        self._flattener = None if encoding is None else Flattener(space, encoding)
        self._actions: Any = None
        # What the base class asks of an environment while it is being made.
        self.render_mode = None
        super().__init__(
            venv.num_envs,
            space if self._flattener is None else self._flattener.space,
            venv.single_action_space,
        )

    def _flat(self, observation: Any) -> Any:
        return observation if self._flattener is None else self._flattener.flatten(observation)

    def reset(self) -> Any:
        """Begin an episode everywhere; under the seed that :meth:`seed` was given, if it was."""
        seeds = getattr(self, "_seeds", None) or [None]
        observation, _ = self.venv.reset(seed=seeds[0])
        self.seed(None)
        self.reset_infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        return self._flat(observation)

    def step_async(self, actions: npt.NDArray[Any]) -> None:
        """Take the actions of the next step."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Step, and begin the next episode where one ended."""
        observation, rewards, terminated, truncated, _ = self.venv.step(self._actions)
        observation = self._flat(observation)
        dones = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            for i in np.flatnonzero(dones):
                infos[i]["terminal_observation"] = _row(observation, int(i))
                infos[i]["TimeLimit.truncated"] = bool(truncated[i])
            observation = self._flat(self.venv.begin_next()[0])
        return observation, rewards, dones, infos

    def close(self) -> None:
        """End the session. Can be repeated."""
        self.venv.close()

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Return which items are not repeats, num_envs x items; needs ``action_mask=True`` in ``venv``."""
        return self.venv.action_masks()

    # All environments are one object: what is asked of one of them is answered by it.

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute, once for each environment asked for."""
        owner = self if attr_name in ("render_mode", "action_masks") else self.venv
        value = getattr(owner, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of all environments together."""
        if indices is not None and len(list(self._get_indices(indices))) != self.num_envs:
            raise ValueError("the environments are one object: an attribute is set for all of them")
        setattr(self.venv, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Return each environment's action mask; environments have no other methods of their own."""
        if method_name != "action_masks":
            raise AttributeError(f"the environments are one object and have no method {method_name} each: use venv")
        masks = self.action_masks()
        return [masks[i] for i in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """Return that no single environment is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def seed(self, seed: Optional[int] = None) -> Sequence[Optional[int]]:
        """Set the seed of the next :meth:`reset`; environment i's own follows from (seed, i)."""
        self._seeds: list[Optional[int]] = [seed] * self.num_envs
        return self._seeds


def _row(observation: Any, i: int) -> Any:
    if isinstance(observation, dict):
        return {name: values[i] for name, values in observation.items()}
    return observation[i]

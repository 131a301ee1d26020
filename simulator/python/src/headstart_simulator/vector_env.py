"""Many environments of one simulator, as a Gymnasium vector environment."""

from __future__ import annotations

import os
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from .catalogue import Catalogue
from .connection import Child, UnixSocket, find_binary
from .errors import SimulatorError
from .frames import Frames, Request
from .log import read_log
from .state import WINDOW, State, observation_space

Path = Union[str, "os.PathLike[str]"]
Observation = dict[str, npt.NDArray[Any]]
Step = tuple[Observation, npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], dict[str, Any]]


class HeadstartVectorEnv(VectorEnv):
    """``num_envs`` simulated users who are shown one item a step and like it (reward 1) or not (reward 0).

    An action is an item, by its row in the environment's ``items.parquet``. An item of the user's log, or shown
    before in the episode, gives 0. An observation is a dict of

    - ``items`` (int, 10): the user's last items, each its action + 1, oldest first; 0 where there is none yet;
    - ``feedback`` (float, 10): 1 liked, -1 not, 0 where there is no item;
    - ``user`` (int): the user, by row in ``users.parquet``;
    - ``step`` (int): steps so far in the episode.

    Autoreset is Gymnasium's NEXT_STEP: the step after the last one of an episode begins the next, ignores its
    action, and gives reward 0. Under the rule ``fixed`` every episode is truncated at the horizon; under
    ``leave`` the user leaves (terminated) after a run of items not liked.

    Users and rewards depend on (seed, environment index, episode of that environment) and the actions alone.
    """

    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        environment: Path,
        num_envs: Optional[int] = None,
        *,
        rule: Optional[str] = None,
        horizon: Optional[int] = None,
        patience: Optional[int] = None,
        boredom: Optional[int] = None,
        drift: Optional[int] = None,
        seed: Optional[int] = None,
        log: Optional[Path] = None,
        like_threshold: Optional[float] = None,
        action_mask: bool = False,
        binary: Optional[Path] = None,
        socket: Optional[Path] = None,
    ) -> None:
        """Start a simulator, or connect to one.

        Args:
            environment: folder that ``simulator fit`` wrote.
            num_envs: how many environments; 1 unless set, or as many as the server at ``socket`` has.
            rule, horizon, patience, boredom, drift: rules of an episode, see ``simulator serve --help``.
            seed: seed of the first session; drawn at random unless set. ``reset(seed=...)`` sets another.
            log: ``log/interactions.parquet``; histories then begin with it, and masks know what it holds.
            like_threshold: from which feedback on a row of ``log`` is a like, where the file does not say it.
            action_mask: whether infos hold ``action_mask``, num_envs x items bytes: 0 marks a repeat.
            binary: the ``simulator``; else ``$HEADSTART_SIMULATOR``, else from ``PATH``.
            socket: connect to ``simulator serve --socket PATH`` instead of starting a simulator.

        Raises:
            SimulatorError: when the simulator cannot be started or does not speak the protocol.
        """
        rules = {"rule": rule, "horizon": horizon, "patience": patience, "boredom": boredom, "drift": drift}
        self._rules = [word for name, value in rules.items() if value is not None for word in (f"--{name}", str(value))]
        if socket is not None and (self._rules or seed is not None or binary is not None):
            raise ValueError("with socket=..., rules and seed are those of the server: set them where it is started")
        self._environment, self._socket = environment, socket
        self._binary = find_binary(binary) if socket is None else None
        self._frames: Optional[Frames] = None
        self.policy_version = 0
        """Sent with every action; a client that learns may count its updates in it."""

        self._catalogue = Catalogue(environment)
        # The dictionaries by which an action or an observation is read: row i has code i.
        self.item_ids: pa.StringArray = self._catalogue.items.ids
        self.user_ids: pa.StringArray = self._catalogue.users.ids
        self._log = None if log is None else read_log(log, self._catalogue, WINDOW, like_threshold)

        self.num_envs = num_envs if num_envs is not None else 1
        if self.num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, not {num_envs}")
        if seed is None and socket is None:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
        self._open(seed)
        rows = len(self._request.step)
        if socket is not None and num_envs is None:
            self.num_envs = rows
        if rows != self.num_envs:
            self.close()
            raise SimulatorError(f"the simulator plays {rows} environments, not {self.num_envs}")
        self.single_action_space = spaces.Discrete(len(self.item_ids))
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.single_observation_space = observation_space(len(self.item_ids), len(self.user_ids), self._hello.horizon)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._state = State(self.num_envs, len(self.item_ids), self._log, action_mask)
        self._over = np.zeros(self.num_envs, np.bool_)

    # --- Gymnasium ----------------------------------------------------------------------------------------------

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[dict[str, Any]] = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode in every environment.

        With a seed, all environments begin their first episode under it. Without one they go on to their next
        episode; one that is in the middle of an episode first plays it out unseen, which other environments wait for.
        """
        if seed is not None and not isinstance(seed, (int, np.integer)):
            raise TypeError(f"seed must be one integer, not {seed!r}: environment i's own seed follows from (seed, i)")
        if seed is not None and seed < 0:
            raise ValueError(f"a seed is a whole number from 0, not {seed}")
        if options and "reset_mask" in options:
            raise ValueError("reset_mask is not supported: environments reset themselves (AutoresetMode.NEXT_STEP)")
        super().reset(seed=seed, options=options)
        if seed is not None:
            if int(seed) != self._hello.seed or not self._fresh or self._frames is None:
                self._open(int(seed))
        elif not self._fresh:
            self._play_out()
        self._over[:] = False
        self._begin(np.ones(self.num_envs, np.bool_))
        return self._state.observation(), self._state.info()

    def step(self, actions: Any) -> Step:
        """Show item ``actions[i]`` in environment i; see :meth:`step_with`."""
        return self.step_with(actions)

    def step_with(self, actions: Any, propensities: Any = 1.0) -> Step:
        """Step, and say with which probability the policy chose each action.

        1, the default, stands for a policy that does not draw. The simulator's feedback does not depend on it.
        """
        actions = self._checked(actions)
        propensities = np.broadcast_to(np.asarray(propensities, np.float32), (self.num_envs,))
        if not ((propensities > 0) & (propensities <= 1)).all():
            raise ValueError("propensities are probabilities in (0, 1]")
        begins = self._over
        request = self._exchange(~begins, actions, propensities)
        self._state.record(~begins, actions, request.reward, request.step)
        self._begin(begins)
        self._over = request.done.copy()
        truncated = request.done & request.truncated
        return (
            self._state.observation(),
            request.reward.copy(),
            request.done & ~truncated,
            truncated,
            self._state.info(),
        )

    def close_extras(self, **kwargs: Any) -> None:
        """End the session; the simulator exits."""
        del kwargs
        if self._frames is not None:
            self._frames.close()
            self._frames = None

    def __enter__(self) -> HeadstartVectorEnv:
        """Return itself; the end of the ``with`` block closes it."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()

    # --- beyond Gymnasium ---------------------------------------------------------------------------------------

    def begin_next(self) -> tuple[Observation, dict[str, Any]]:
        """Begin the next episode where one is over; the other environments stay where they are.

        What a SAME_STEP autoreset needs: :meth:`step` and then this.
        """
        begins = self._over
        if begins.any():
            self._exchange(np.zeros(self.num_envs, np.bool_))
            self._begin(begins)
            self._over = np.zeros(self.num_envs, np.bool_)
        return self._state.observation(), self._state.info()

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Return which items are not repeats, num_envs x items; needs ``action_mask=True``."""
        if "action_mask" not in (info := self._state.info()):
            raise AttributeError("there are no action masks: make the environment with action_mask=True")
        return np.asarray(info["action_mask"], np.bool_)

    # --- the session --------------------------------------------------------------------------------------------

    def _open(self, seed: Optional[int]) -> None:
        """Begin a session in which all environments are at the start of their first episode under ``seed``."""
        if self._frames is not None:
            self._frames.close()
            self._frames = None
        connection: Union[Child, UnixSocket]
        if self._socket is not None:
            connection = UnixSocket(self._socket)
        else:
            assert self._binary is not None
            words = [self._binary, "serve", "--environment", os.fspath(self._environment)]
            words += ["--envs", str(self.num_envs), "--seed", str(seed), *self._rules]
            connection = Child(words)
        self._frames = Frames(connection)
        self._hello = self._frames.hello
        if seed is not None and self._hello.seed != seed:
            self.close()
            raise ValueError(
                f"the server's seed is {self._hello.seed}, and cannot become {seed}: start it with --seed {seed}"
            )
        self._request = self._frames.receive()
        self._fresh = True
        self.closed = False

    def _exchange(
        self,
        acts: npt.NDArray[np.bool_],
        actions: Optional[npt.NDArray[np.int64]] = None,
        propensities: Any = 1.0,
    ) -> Request:
        """Show items where ``acts`` holds; elsewhere nothing: an episode that is over moves on, another one waits."""
        if self._frames is None:
            raise SimulatorError("the environment is closed: make a new one, or reset it with a seed")
        chosen = np.zeros(0, np.int64) if actions is None else actions[acts]
        items = self.item_ids.take(pa.array(chosen))
        propensity = np.where(acts, propensities, 1.0).astype(np.float32)
        self._fresh = False
        self._frames.send(acts, items, propensity, self.policy_version)
        self._request = self._frames.receive()
        if len(self._request.step) != self.num_envs:
            raise SimulatorError(f"the simulator answers for {len(self._request.step)} of {self.num_envs} environments")
        return self._request

    def _begin(self, rows: npt.NDArray[np.bool_]) -> None:
        """Take over the users of the environments that begin an episode."""
        if rows.any():
            self._state.begin(rows, self._catalogue.users.codes(self._request.user_id.filter(pa.array(rows))))

    def _play_out(self) -> None:
        """Go on, unseen, until every environment is at the start of a later episode."""
        started = np.zeros(self.num_envs, np.bool_)
        while not started.all():
            over = self._request.done
            # Item 0 as good as any: nobody sees what it gives.
            self._exchange(~over & ~started, np.zeros(self.num_envs, np.int64))
            started |= over

    def _checked(self, actions: Any) -> npt.NDArray[np.int64]:
        array = np.asarray(actions)
        if array.shape != (self.num_envs,):
            raise ValueError(f"one action per environment is wanted: shape ({self.num_envs},), not {array.shape}")
        if array.dtype.kind not in "iu":
            raise TypeError(f"actions are integers, rows of items.parquet, not {array.dtype}")
        array = array.astype(np.int64, copy=False)
        wrong = ~self._over & ((array < 0) | (array >= len(self.item_ids)))
        if wrong.any():
            at = int(np.argmax(wrong))
            raise ValueError(f"action {array[at]} of environment {at} is not an item: there are {len(self.item_ids)}")
        return array

"""What the tests share: the environment under test and small agents.

The folder is named by ``HEADSTART_TEST_DATA`` (``environment/`` and ``data/log/interactions.parquet`` inside) and the
binary by ``HEADSTART_SIMULATOR``; the Rust test ``python_client`` sets both and starts these tests.
"""

from __future__ import annotations

import os
import stat
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from headstart_simulator import HeadstartVectorEnv

DATA = Path(os.environ["HEADSTART_TEST_DATA"])
ENVIRONMENT = DATA / "environment"
LOG = DATA / "data" / "log" / "interactions.parquet"


class Row(NamedTuple):
    """One environment's part of a vector step."""

    user: int
    step: int
    action: int
    reward: float
    terminated: bool
    truncated: bool


def vector_env(num_envs: int = 4, **options: Any) -> HeadstartVectorEnv:
    return HeadstartVectorEnv(ENVIRONMENT, num_envs, **options)


def actions_at(time: int, num_envs: int, items: int) -> Any:
    """A fixed choice that differs by environment and time."""
    return (7 * np.arange(num_envs) + 5 * time) % items


def play(env: HeadstartVectorEnv, steps: int, seed: int | None = None) -> Iterator[list[Row]]:
    """Reset, then step with :func:`actions_at`; every vector step as a list of rows."""
    observation, _ = env.reset(seed=seed)
    for time in range(steps):
        actions = actions_at(time, env.num_envs, int(env.single_action_space.n))
        user = observation["user"]
        observation, reward, terminated, truncated, _ = env.step(actions)
        columns = (user, observation["step"], actions, reward, terminated, truncated)
        yield [Row(*row) for row in zip(*(column.tolist() for column in columns))]


class TemporaryFolder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def program(self, text: str) -> str:
        """A shell script that stands in for the simulator; ``$REAL`` is the real one."""
        path = self.folder / "simulator"
        path.write_text(f'#!/bin/sh\nREAL="{os.environ["HEADSTART_SIMULATOR"]}"\n{text}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

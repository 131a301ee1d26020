"""Recommendation environments made from real data, for Gymnasium: the Python client of Headstart's ``simulator``."""

import gymnasium

from .box import BoxObservation, BoxVectorObservation
from .env import HeadstartEnv
from .errors import SimulatorError
from .vector_env import HeadstartVectorEnv

__all__ = ["BoxObservation", "BoxVectorObservation", "HeadstartEnv", "HeadstartVectorEnv", "SimulatorError"]

ID = "headstart/Simulator-v0"
if ID not in gymnasium.registry:
    gymnasium.register(
        ID,
        entry_point="headstart_simulator.env:HeadstartEnv",
        vector_entry_point="headstart_simulator.vector_env:HeadstartVectorEnv",
    )

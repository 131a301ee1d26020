"""A policy of your own, written in Python, as an agent of ``simulator run --agent``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Optional, Union

from .errors import SimulatorError
from .frames import AgentFrames, Hello

Choice = Union[str, Sequence[str], tuple[Sequence[str], float]]


@dataclass
class Turn:
    """A user who waits for a recommendation."""

    env: int
    """Which of the environments that run side by side."""
    user: str
    """The user's id."""
    step: int
    """The step in the episode, from 0."""
    last_item: Optional[str]
    """The item that the reward is for; none at step 0."""
    reward: Optional[float]
    """What came back of it; none at step 0."""
    shown: list[str] = field(default_factory=list)
    """What the user was shown in this episode: it is not offered again to any effect."""


class Agent:
    """Acts in ``simulator run --agent "python3 agent.py"``. Subclass it, give :meth:`act`, and call :meth:`run` last::

        import sys
        from headstart_simulator.agent import Agent

        class MostPopular(Agent):
            def __init__(self, items):
                self.items = items  # ids, most liked first

            def act(self, turns):
                return [next(item for item in self.items if item not in turn.shown) for turn in turns]

        MostPopular([line.strip() for line in open(sys.argv[1])]).run()

    Stdout belongs to the frames while it runs: what is printed goes to stderr.
    """

    hello: Hello
    """The environment's name, its seed and the most steps of an episode; known from :meth:`begin` on."""
    slate: int
    """How many items are wanted at a turn."""

    def begin(self) -> None:
        """Called once, when :attr:`hello` is known and before the first turn."""

    def act(self, turns: list[Turn]) -> Sequence[Choice]:
        """Choose for every turn: an item's id, a list of :attr:`slate` ids, or such a list and the probability of it.

        Without a probability it is 1: nothing was drawn.
        """
        raise NotImplementedError("give your agent an `act`")

    def end(self, turn: Turn, truncated: bool) -> None:
        """Called when an episode is over, with its last reward; ``truncated`` where it ended at the horizon."""

    def run(self, source: Any = None, sink: Any = None) -> None:
        """Serve one session: on stdin and stdout, unless other streams are given."""
        streams = sink is None
        if streams:
            sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
            # What an agent prints must not end up between frames.
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            self._serve(AgentFrames(sys.stdin.buffer if source is None else source, sink))
        finally:
            if streams:
                sink.close()

    def _serve(self, frames: AgentFrames) -> None:
        self.hello, self.slate = frames.hello, frames.slate
        self.begin()
        shown: dict[int, list[str]] = {}
        while (rows := frames.receive()) is not None:
            turns = []
            for row in rows:
                if row.step == 0:
                    shown[row.env] = []
                turn = Turn(row.env, row.user, row.step, row.last_item, row.reward, shown.setdefault(row.env, []))
                if row.done:
                    self.end(turn, row.truncated)
                else:
                    turns.append(turn)
            choices = list(self.act(turns)) if turns else []
            if len(choices) != len(turns):
                raise SimulatorError(f"act() gave {len(choices)} choices for {len(turns)} turns")
            chosen = {turn.env: self._checked(turn, choice) for turn, choice in zip(turns, choices)}
            for env, (items, _) in chosen.items():
                shown[env].extend(items)
            replies = [chosen.get(row.env, ([], 1.0)) for row in rows]
            frames.send([row.env for row in rows], [items for items, _ in replies], [p for _, p in replies])
        frames.close()

    def _checked(self, turn: Turn, choice: Choice) -> tuple[list[str], float]:
        probability = 1.0
        # numpy's and torch's numbers are no floats, and no id has a number in it.
        if isinstance(choice, tuple) and len(choice) == 2 and hasattr(choice[1], "__float__"):
            choice, probability = choice[0], float(choice[1])
        items = [choice] if isinstance(choice, str) else list(choice)  # type: ignore[arg-type]
        if len(items) != self.slate or not all(isinstance(item, str) for item in items):
            raise SimulatorError(
                f"act() gave {choice!r} for user {turn.user!r}: {self.slate} ids of items are wanted, as text"
            )
        if not 0.0 < probability <= 1.0:
            raise SimulatorError(f"act() gave the probability {probability} for user {turn.user!r}: wanted is (0, 1]")
        return items, probability

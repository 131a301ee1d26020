"""REINFORCE (Williams, 1992) in plain numpy: learns online what to show, and prints the mean return as it goes.

python reinforce.py --environment environment --log data/log/interactions.parquet
"""

from __future__ import annotations

import argparse
import os
from typing import Any

# The matrices are small: more threads would wait for each other. (Read when numpy is imported.)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from headstart_simulator import HeadstartVectorEnv

RANK = 8


class Policy:
    """Softmax over items: logits = bias + (mean over the last items of feedback times their vector) . item vectors."""

    def __init__(self, items: int, rng: np.random.Generator) -> None:
        """Begin close to uniform."""
        self.bias = np.zeros(items)
        # Row 0 stands for "no item".
        self.reads = rng.normal(0, 0.1, (items + 1, RANK))
        self.writes = rng.normal(0, 0.1, (items, RANK))

    def probabilities(self, observation: dict[str, Any], mask: Any) -> tuple[Any, Any]:
        """Return each environment's distribution over items, and its summary of the history."""
        history = (self.reads[observation["items"]] * observation["feedback"][..., None]).mean(1)
        logits = np.where(mask > 0, self.bias + history @ self.writes.T, -np.inf)
        weights = np.exp(logits - logits.max(1, keepdims=True))
        return weights / weights.sum(1, keepdims=True), history

    def update(self, observation: dict[str, Any], history: Any, slope: Any, rate: float) -> None:
        """Climb: ``slope`` is the derivative with respect to the logits."""
        back = (slope @ self.writes)[:, None] * observation["feedback"][..., None] / observation["items"].shape[1]
        self.bias += rate * slope.sum(0)
        self.writes += rate * slope.T @ history
        np.add.at(self.reads, observation["items"], rate * back)


def main() -> None:
    """Train, and print the mean return of the episodes that ended in each tenth of the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, help="folder that `simulator fit` wrote")
    parser.add_argument("--log", help="log/interactions.parquet of the import")
    parser.add_argument("--envs", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=500, help="rounds of as many steps as the horizon has, plus one")
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--discount", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)

    env = HeadstartVectorEnv(args.environment, args.envs, seed=args.seed, log=args.log, action_mask=True)
    with env:
        length = int(env.single_observation_space["step"].n)  # the horizon, and the step that begins the next episode
        policy = Policy(int(env.single_action_space.n), rng)
        observation, info = env.reset(seed=args.seed)
        over, running, baseline, ended = np.zeros(args.envs, bool), np.zeros(args.envs), 0.0, []
        for turn in range(args.rounds):
            steps = []
            for _ in range(length):
                probabilities, history = policy.probabilities(observation, info["action_mask"])
                threshold = rng.random((args.envs, 1)) * probabilities.sum(1, keepdims=True)
                actions = np.minimum((probabilities.cumsum(1) <= threshold).sum(1), probabilities.shape[1] - 1)
                chosen = probabilities[np.arange(args.envs), actions]
                before, begins = observation, over
                # The action of a row that begins an episode is ignored: nothing is learned from it.
                observation, reward, terminated, truncated, info = env.step_with(actions, np.where(begins, 1.0, chosen))
                over = terminated | truncated
                steps.append((before, history, probabilities, actions, reward, begins, over))
                running += reward
                ended.extend(running[over])
                running[over] = 0.0
            to_go = np.zeros(args.envs)
            for before, history, probabilities, actions, reward, begins, ends in reversed(steps):
                to_go = reward + args.discount * np.where(ends, 0.0, to_go)
                slope = -probabilities
                slope[np.arange(args.envs), actions] += 1.0
                slope *= (np.where(begins, 0.0, to_go - baseline) / args.envs)[:, None]
                policy.update(before, history, slope, args.rate)
                baseline += 0.01 * (to_go[~begins].mean() - baseline) if (~begins).any() else 0.0
                to_go = np.where(begins, 0.0, to_go)
            if (turn + 1) % max(1, args.rounds // 10) == 0 and ended:
                print(f"{turn + 1} rounds: mean return {np.mean(ended):.3f} over {len(ended)} episodes", flush=True)
                ended = []


if __name__ == "__main__":
    main()

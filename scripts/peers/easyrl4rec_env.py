#!/usr/bin/env python3
"""EasyRL4Rec's own Coat environment beside ours, step by step: its rewards and its users' leaving must be the same.

    git clone https://github.com/chongminggao/EasyRL4Rec      # commit 8cecd00
    git clone https://github.com/BetsyHJ/RL4Rec               # its Coat matrix
    pip install simulator/python
    RATINGS=RL4Rec/data/coat_pseudoGT_ratingM.ascii
    for mode in free nx-0 nx-x; do
      simulator run --environment environments/coat --method same --rule easyrl4rec --mode $mode --ratings $RATINGS \\
        --agent "python3 scripts/peers/easyrl4rec_env.py --library EasyRL4Rec --ratings $RATINGS --mode $mode" \\
        --episodes 3000 --seeds 1 --out same-$mode.parquet
    done

An agent for `simulator run` (default window, threshold and horizon) that shows random items, one in ten of them a repeat where the
mode allows it. Every episode is played again by the library's `CoatEnv`, with the settings of its `get_env_args`, for the same user.
The first difference ends the agent, and so the run, with what differs. Of the library only `BaseEnv.py` and `CoatEnv.py` are run: not
its readers of data, which want files that it does not hold; the matrix is given to `CoatEnv` as the library's `get_true_env` does.
"""

import argparse
import random
import sys
import types
from pathlib import Path

import numpy
from headstart_simulator.agent import Agent

WINDOW, THRESHOLD, TURNS, ROUNDS = 7, 6, 30, 10


def library_environment(library, ratings):
    """The library's environment of the matrix `ratings` [users, items]."""
    sys.path.insert(0, str(library))
    # What the two files import and do not need here.
    for name, attributes in {
        "torch": {"manual_seed": lambda seed: None},
        "src.core.envs.Coat.CoatData": {"CoatData": None},
    }.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(attributes)
    from src.core.envs.Coat.CoatEnv import CoatEnv

    difference = ratings.T[:, None, :] - ratings.T[None, :, :]
    distance = numpy.sqrt((difference**2).sum(axis=2))
    return CoatEnv(ratings, None, distance, WINDOW, THRESHOLD, TURNS, random_init=True)


class Beside(Agent):
    def __init__(self, environment, mode):
        self.environment, self.mode = environment, mode
        self.items = environment.mat.shape[1]
        self.random = random.Random(0)
        self.episodes = {}
        self.steps = 0

    def act(self, turns):
        return [str(self.choose(turn)) for turn in turns]

    def choose(self, turn):
        shown, rewards = self.episodes.setdefault(turn.env, ([], []))
        if turn.step:
            rewards.append(turn.reward)
        if self.mode == "free" and shown and self.random.random() < 0.1:
            item = self.random.choice(shown)
        else:
            item = self.random.choice([item for item in range(self.items) if self.mode == "free" or item not in shown])
        shown.append(item)
        return item

    def end(self, turn, truncated):
        shown, rewards = self.episodes.pop(turn.env)
        self.replay(int(turn.user), shown, rewards + [turn.reward])

    def replay(self, user, shown, rewards):
        self.environment.reset()
        self.environment.cur_user = user
        for step, (item, reward) in enumerate(zip(shown, rewards), 1):
            _, theirs, over, _, _ = self.environment.step(item)
            if self.mode == "nx-x":
                over = step == ROUNDS  # the library's collector sets what the environment said aside
            if theirs != reward or over != (step == len(shown)):
                sys.exit(f"user {user}, items {shown}, step {step}: {reward} here, {theirs} there; over there: {over}")
            self.steps += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, required=True, metavar="FOLDER", help="a clone of EasyRL4Rec")
    parser.add_argument("--ratings", type=Path, required=True, metavar="FILE", help="the matrix, a line a user")
    parser.add_argument("--mode", choices=["free", "nx-0", "nx-x"], required=True)
    options = parser.parse_args()
    ratings = numpy.loadtxt(options.ratings)
    agent = Beside(library_environment(options.library.resolve(), ratings), options.mode)
    agent.run()
    print(f"{options.mode}: {agent.steps:,} steps, all the same")


if __name__ == "__main__":
    main()

"""RecSim's interest exploration environment (Ie et al., 2019), stepped with random slates: for `beside simulator`.

Prints a JSON line a run: {"peer", "batch", "steps", "seconds", "cpu_seconds", "mean_reward"}.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import types
import warnings

import numpy as np


def stand_in_for_training() -> None:
    """Let RecSim be imported without TensorFlow and Dopamine.

    Its package imports them for `runner_lib`, the loop that trains agents. No line of an environment uses them, so
    the environment that is measured is the published one.
    """
    import gin

    names = ["tensorflow", "tensorflow.compat", "tensorflow.compat.v1"]
    names += ["dopamine", "dopamine.discrete_domains", "dopamine.discrete_domains.checkpointer"]
    for name in names:
        sys.modules[name] = types.ModuleType(name)
    sys.modules["tensorflow.compat"].v1 = sys.modules["tensorflow.compat.v1"]  # type: ignore[attr-defined]
    checkpointer = sys.modules["dopamine.discrete_domains.checkpointer"]
    sys.modules["dopamine.discrete_domains"].checkpointer = checkpointer  # type: ignore[attr-defined]
    # Gin's decorators, without its TensorFlow additions.
    sys.modules["gin.tf"] = gin
    gin.tf = gin


def main() -> None:
    """Step the environment, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long one run lasts, about")
    parser.add_argument("--runs", type=int, default=5)
    # The defaults of RecSim's own main.py; its cost grows with the candidates, all of which every observation holds.
    parser.add_argument("--candidates", type=int, default=5, help="documents that can be shown")
    parser.add_argument("--slate", type=int, default=2, help="documents shown at once")
    parser.add_argument("--seed", type=int, default=0)
    # What other peers are given; RecSim makes users and documents of its own, and its sessions do not end.
    parser.add_argument("--environment", help="ignored")
    for rule in ("--horizon", "--patience", "--boredom"):
        parser.add_argument(rule, help="ignored")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # of gym, on being unmaintained
    stand_in_for_training()
    from recsim.environments import interest_exploration

    np.random.seed(args.seed)
    settings = {"slate_size": args.slate, "num_candidates": args.candidates, "resample_documents": False}
    env = interest_exploration.create_environment({**settings, "seed": args.seed})
    # Drawn beforehand: the choice of slates is not a part of what is measured.
    rng = np.random.default_rng(args.seed)
    slates = np.argsort(rng.random((256, args.candidates)), axis=1)[:, : args.slate]
    for run in range(args.runs + 1):
        total, steps = 0.0, 0
        begin, cpu_begin = time.perf_counter(), time.process_time()
        env.reset()
        while time.perf_counter() - begin < args.seconds:
            for slate in slates:
                _, reward, done, _ = env.step(slate)
                total += reward
                if done:
                    env.reset()
            steps += len(slates)
        line = {"peer": "RecSim, interest exploration", "batch": 1, "steps": steps}
        line["seconds"] = round(time.perf_counter() - begin, 4)
        line["cpu_seconds"] = round(time.process_time() - cpu_begin, 4)
        line["mean_reward"] = round(total / steps, 5)
        if run > 0:  # the first warms up
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

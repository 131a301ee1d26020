"""RecSim's interest exploration environment (Ie et al., 2019), stepped with random slates: a peer of `simulator bench`.

Prints one JSON line: {"peer", "batch", "steps", "seconds", "cpu_seconds", "mean_reward"}.
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=20_000)
    # The defaults of RecSim's own main.py; its cost grows with the candidates, all of which every observation holds.
    parser.add_argument("--candidates", type=int, default=5, help="documents that can be shown")
    parser.add_argument("--slate", type=int, default=2, help="documents shown at once")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # of gym, on being unmaintained
    stand_in_for_training()
    from recsim.environments import interest_exploration

    np.random.seed(args.seed)
    env = interest_exploration.create_environment(
        {
            "slate_size": args.slate,
            "num_candidates": args.candidates,
            "resample_documents": False,
            "seed": args.seed,
        }
    )
    rng = np.random.default_rng(args.seed)
    # Drawn beforehand: the choice of slates is no part of what is measured.
    slates = np.argsort(rng.random((args.steps, args.candidates)), axis=1)[:, : args.slate]
    env.reset()
    for slate in slates[:1000]:
        if env.step(slate)[2]:
            env.reset()
    total, begin, cpu_begin = 0.0, time.perf_counter(), time.process_time()
    env.reset()
    for slate in slates:
        _, reward, done, _ = env.step(slate)
        total += reward
        if done:
            env.reset()
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    result = {
        "peer": "recsim interest_exploration",
        "batch": 1,
        "steps": args.steps,
        "seconds": round(seconds, 4),
        "cpu_seconds": round(cpu_seconds, 4),
        "mean_reward": round(total / args.steps, 5),
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()

"""Vowpal Wabbit's contextual bandit over a whole catalogue: for `beside online`.

Each decision scores every action for one user, whose numbers are drawn anew, and one update follows: what VW does with a
labelled example (`--cb_explore_adf`). It runs as its own command line does, in C++, on examples that were parsed before and
lie in its cache, so that neither Python nor text is measured; drawing the action from the distribution is left out too.
The time of a run over a single decision is taken off, as that of starting.

Prints a JSON line a run: {"peer", "actions", "decisions", "seconds"}.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# An action is one feature, its id. Without interactions all users get the same; `-q ua` gives each action a weight for each
# number of the user, as a policy of embeddings has. The large action space option explores among some actions alone.
EXPLORE = ["--cb_explore_adf", "--epsilon", "0.05"]
SET_UPS = {
    "Vowpal Wabbit, actions alone": [*EXPLORE, "-b", "18"],
    "Vowpal Wabbit, user x action": [*EXPLORE, "-b", "22", "-q", "ua"],
    "Vowpal Wabbit, user x action, large action space": [
        *EXPLORE, "-b", "22", "-q", "ua", "--large_action_space", "--max_actions", "20",
    ],
}  # fmt: skip
# Decisions in the cache; more are made by passing over them again.
KEPT = 50


def write(path: Path, decisions: int, actions: int, dims: int, seed: int) -> None:
    """Write labelled decisions as VW's text."""
    rng = random.Random(seed)
    menu = [f"|a {action}" for action in range(actions)]
    with path.open("w") as file:
        for _ in range(decisions):
            user = " ".join(f"{dim}:{rng.gauss(0, 1):.4f}" for dim in range(dims))
            chosen = rng.randrange(actions)
            cost = -1 if rng.random() < 0.3 else 0
            lines = [*menu[:chosen], f"0:{cost}:{1 / actions:.8f} {menu[chosen]}", *menu[chosen + 1 :]]
            file.write("\n".join([f"shared |u {user}", *lines, "", ""]))


def run(flags: list[str], text: Path, passes: int) -> float:
    """Pass over the examples; the seconds it took. The first time the cache is made."""
    command = [sys.executable, "-m", "vowpalwabbit", "-d", str(text), "--cache_file", f"{text}.cache", "--quiet"]
    begun = time.perf_counter()
    subprocess.run([*command, *flags, "--passes", str(passes), "--holdout_off"], check=True, stdout=sys.stderr)
    return time.perf_counter() - begun


def main() -> None:
    """Measure each set-up, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, required=True)
    parser.add_argument("--dims", type=int, default=64, help="numbers that a user has")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long one run lasts, about")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder, "one"), Path(folder, "many")
        write(one, 1, args.actions, args.dims, args.seed)
        write(many, KEPT, args.actions, args.dims, args.seed)
        for peer, flags in SET_UPS.items():
            for text in (one, many):
                Path(f"{text}.cache").unlink(missing_ok=True)
                run(flags, text, 1)
            start = min(run(flags, one, 1) for _ in range(3))
            a_pass = max(run(flags, many, 1) - start, 1e-3)
            passes = max(1, round(args.seconds / a_pass))
            for _ in range(args.runs):
                seconds = max(run(flags, many, passes) - start, 1e-6)
                line = {"peer": peer, "actions": args.actions, "decisions": KEPT * passes, "seconds": seconds}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

"""PPO of Stable-Baselines3 in the simulator: prints the mean return as it trains.

python ppo_sb3.py --environment environment --log data/log/interactions.parquet
"""

from __future__ import annotations

import argparse

from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor

from headstart_simulator import HeadstartVectorEnv
from headstart_simulator.sb3 import HeadstartVecEnv


def main() -> None:
    """Train, and print what each tenth of the steps returned."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, help="folder that `simulator fit` wrote")
    parser.add_argument("--log", help="log/interactions.parquet of the import")
    parser.add_argument("--rule", choices=["fixed", "leave"], default="fixed")
    parser.add_argument("--envs", type=int, default=64)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    venv = HeadstartVectorEnv(args.environment, args.envs, rule=args.rule, log=args.log, seed=args.seed)
    env = VecMonitor(HeadstartVecEnv(venv))
    model = PPO(
        "MlpPolicy",
        env,
        n_steps=40,
        batch_size=640,
        gamma=0.9,
        learning_rate=1e-3,
        stats_window_size=2000,
        seed=args.seed,
    )
    try:
        for tenth in range(1, 11):
            model.ep_info_buffer = None  # of this tenth alone
            model.learn(args.steps // 10, reset_num_timesteps=tenth == 1)
            returns = [episode["r"] for episode in model.ep_info_buffer]
            mean = sum(returns) / max(1, len(returns))
            print(
                f"{model.num_timesteps} steps: mean return {mean:.3f} of the last {len(returns)} episodes", flush=True
            )
    finally:
        env.close()


if __name__ == "__main__":
    main()

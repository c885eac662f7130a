"""Train one agent with plain stable-baselines3 and the zoo's settings, as the zoo does.

Environments, monitors and evaluations are stable-baselines3's own; torch has as many threads as there are cores. The
best policy of the evaluations is kept, as the zoo keeps it, and measured on 100 further episodes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.utils import LinearSchedule

from benchmarks.process import cores
from benchmarks.zoo import SETTINGS
from toolkit.files import write_json

TEST_SEED = 10_000


def main() -> None:
    """Train with one seed, and write evaluations, seconds and test returns to ``--out``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("setting", choices=SETTINGS)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--every", type=int, required=True, help="steps between evaluations")
    parser.add_argument("--episodes", type=int, required=True, help="of each evaluation")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(cores())
    setting = SETTINGS[given.setting]
    envs = make_vec_env(setting.environment, setting.n_envs, seed=given.seed)
    arguments = {key: _plain(value) for key, value in setting.arguments.items()}
    kind = getattr(stable_baselines3, setting.algorithm)
    model = kind("MlpPolicy", envs, seed=given.seed, device="cpu", **arguments)
    judge = Judge(make_vec_env(setting.environment, 1, seed=TEST_SEED - 1), given.every, given.episodes)
    start = time.perf_counter()
    model.learn(setting.steps, callback=judge)
    seconds = time.perf_counter() - start
    if judge.best is not None:
        model.policy.load_state_dict(judge.best)
    test = make_vec_env(setting.environment, 1, seed=TEST_SEED)
    returns, _ = evaluate_policy(model, test, 100, return_episode_rewards=True)
    measured = {"seconds": seconds, "evaluations": judge.evaluations, "returns": returns}
    write_json(given.out, {**measured, "steps": model.num_timesteps})


class Judge(BaseCallback):
    """Evaluate every so many steps, with stable-baselines3's own function, and keep the best weights."""

    def __init__(self, envs: Any, every: int, episodes: int) -> None:
        super().__init__()
        self.envs, self.every, self.episodes = envs, every, episodes
        self.evaluations: list[dict[str, float]] = []
        self.best: dict[str, Any] | None = None
        self._start = time.perf_counter()

    def _on_step(self) -> bool:
        step = self.num_timesteps
        if step // self.every > (step - self.training_env.num_envs) // self.every:
            returns, _ = evaluate_policy(self.model, self.envs, self.episodes, return_episode_rewards=True)
            mean = float(np.mean(returns))
            if not self.evaluations or mean >= max(e["return"] for e in self.evaluations):
                self.best = {name: value.clone() for name, value in self.model.policy.state_dict().items()}
            seconds = time.perf_counter() - self._start
            self.evaluations.append({"step": step, "seconds": seconds, "return": mean})
        return True


def _plain(value: Any) -> Any:
    """``lin_0.001`` as the schedule it stands for."""
    if isinstance(value, str) and value.startswith("lin_"):
        return LinearSchedule(float(value.removeprefix("lin_")), 0.0, 1.0)
    return value


if __name__ == "__main__":
    main()

"""What a recipe may say of an agent: the environment, the algorithm, and that algorithm's own settings.

Names are those of stable-baselines3's and sb3-contrib's arguments; defaults are theirs too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from toolkit.recipe.schema import Section, TaskOptions

_PIECES = "an agent learns from steps of its environments; see options.n_envs"
_WHOLE = "the whole policy is trained"
UNUSED: Mapping[str, str] = {
    "data": "its experience comes from options.env",
    "model.backbone": "name the policy's network in model.name and model.config",
    "train.epochs": "set train.max_steps, in steps of the environment",
    "train.batch_tokens": "set train.batch_size",
    "train.gradient_accumulation_steps": _PIECES,
    "train.warmup_ratio": "set options.learning_starts, or lr_scheduler_type: linear",
    "train.optimizer": "the algorithm has its own: Adam, or RMSprop for a2c",
    "train.momentum": "the algorithm has its own optimiser",
    "train.label_smoothing_factor": "there are no labels",
    "train.weight_decay": "the algorithm has its own optimiser",
    "train.mixed_precision": "policies are small; they are trained in float32",
    "train.freeze": _WHOLE,
    "train.unfreeze": _WHOLE,
    "train.lora": _WHOLE,
    "train.gradient_checkpointing": "policies are small",
    "train.compile": "policies are small; compiling them takes longer than it saves",
}
"""Keys of the rest of a recipe that no agent has a use for."""

Algorithm = Literal["a2c", "dqn", "ppo", "qr-dqn", "recurrent-ppo", "sac", "td3"]
Schedule = Literal["constant", "linear"]
"""How a number goes on during training: stays, or falls to 0 at ``train.max_steps``."""


class WrapperSection(Section):
    """A wrapper of gymnasium with its arguments."""

    name: str
    """Its class in ``gymnasium.wrappers``: ``AtariPreprocessing``."""
    kwargs: dict[str, Any] = Field(default_factory=dict)
    """Its arguments by name."""


class NormalizeSection(Section):
    """Running normalisation of what the policy sees and is rewarded with (stable-baselines3's ``VecNormalize``)."""

    norm_obs: bool = True
    """Observations to mean 0 and variance 1, as measured so far."""
    norm_reward: bool = True
    """Rewards by the standard deviation of the discounted return; evaluations count the real ones."""
    clip_obs: float = Field(default=10.0, gt=0)
    clip_reward: float = Field(default=10.0, gt=0)


class HerSection(Section):
    """Hindsight experience replay (Andrychowicz et al. 2017, arXiv:1707.01495): for environments with goals."""

    n_sampled_goal: int = Field(default=4, gt=0)
    """Transitions with another goal for each one that was lived."""
    goal_selection_strategy: Literal["future", "final", "episode"] = "future"
    """Which of the goals reached later is taken for the one that was meant."""


class Options(TaskOptions):
    """What every agent needs to be told."""

    unused: ClassVar[Mapping[str, str]] = UNUSED

    env: str
    """Environment: an id of gymnasium's registry, or a class in a file of your own, ``my_env.py:MyEnv``."""
    env_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the environment."""
    eval_env_kwargs: dict[str, Any] | None = None
    """Arguments of the environment it is evaluated in, when they differ from those of training."""
    max_episode_steps: int | None = Field(default=None, gt=0)
    """Cut episodes here; by default where the environment says."""
    wrappers: list[str | WrapperSection] = Field(default_factory=list)
    """Wrappers of gymnasium by name, the innermost first."""
    frame_stack: int | None = Field(default=None, gt=1)
    """Show the policy this many observations at once."""
    normalize: NormalizeSection | None = None
    n_envs: int = Field(default=1, gt=0)
    """Environments that step together; one call of the policy answers all of them."""
    vec_env: Literal["dummy", "subproc"] = "dummy"
    """Environments in this process, or each in one of its own: for environments that are slow to step."""
    algorithm: Algorithm = "ppo"
    gamma: float = Field(default=0.99, gt=0, le=1)
    """Discount of a reward one step later."""
    n_eval_episodes: int = Field(default=10, gt=0)
    """Episodes of each evaluation during training, always from the same seeds."""
    n_test_episodes: int = Field(default=100, gt=0)
    """Episodes the finished agent is measured on, from seeds of their own."""
    report_info: list[str] = Field(default_factory=list)
    """Keys of the last step's ``info`` to report: of flags the share of episodes, of numbers the mean."""
    stop_at_return: float | None = None
    """Stop when an evaluation's mean return reaches this."""

    @classmethod
    def chosen(cls, given: Mapping[str, Any]) -> type[TaskOptions]:
        """The options of the algorithm that is named."""
        name = given.get("algorithm", cls.model_fields["algorithm"].default)
        return ALGORITHM_OPTIONS.get(name, cls) if isinstance(name, str) else cls


class _Explores(Section):
    """Generalised state-dependent exploration (Raffin et al. 2020, arXiv:2005.05719), for continuous actions."""

    use_sde: bool = False
    sde_sample_freq: int = -1
    """Steps between new noise; -1 for once a rollout."""


class _OnPolicy(Options, _Explores):
    n_steps: int = Field(default=2048, gt=0)
    """Steps of each environment between two updates."""
    gae_lambda: float = Field(default=0.95, ge=0, le=1)
    """Bias against variance of the advantage (Schulman et al. 2016, arXiv:1506.02438)."""
    ent_coef: float = Field(default=0.0, ge=0)
    vf_coef: float = Field(default=0.5, ge=0)
    normalize_advantage: bool = True


class PPOOptions(_OnPolicy):
    """Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347)."""

    algorithm: Algorithm = "ppo"
    n_epochs: int = Field(default=10, gt=0)
    """Passes over the steps of a rollout."""
    clip_range: float = Field(default=0.2, gt=0)
    clip_range_schedule: Schedule = "constant"
    target_kl: float | None = Field(default=None, gt=0)


class RecurrentPPOOptions(PPOOptions):
    """PPO with an LSTM, for environments that do not show everything at once."""

    algorithm: Algorithm = "recurrent-ppo"
    n_steps: int = Field(default=128, gt=0)


class A2COptions(_OnPolicy):
    """Advantage actor-critic (Mnih et al. 2016, arXiv:1602.01783)."""

    unused: ClassVar[Mapping[str, str]] = {**UNUSED, "train.batch_size": "set options.n_steps and n_envs"}

    algorithm: Algorithm = "a2c"
    n_steps: int = Field(default=5, gt=0)
    gae_lambda: float = Field(default=1.0, ge=0, le=1)
    normalize_advantage: bool = False
    use_rms_prop: bool = True


class _OffPolicy(Options):
    buffer_size: int = Field(default=1_000_000, gt=0)
    """Transitions kept, over all environments."""
    learning_starts: int = Field(default=100, ge=0)
    """Random steps before the first update."""
    tau: float = Field(default=0.005, gt=0, le=1)
    """Share of the new weights in each update of the target network."""
    train_freq: int | tuple[int, Literal["step", "episode"]] = 1
    """Steps of each environment between updates, or ``[1, episode]``."""
    gradient_steps: int = Field(default=1, ge=-1)
    """Updates at a time; -1 for as many as there were steps."""
    n_steps: int = Field(default=1, gt=0)
    """Rewards that are counted as they were, before the rest is estimated (Sutton and Barto 2018, section 7.1)."""
    her: HerSection | None = None


class DQNOptions(_OffPolicy):
    """Deep Q-learning (Mnih et al. 2015)."""

    algorithm: Algorithm = "dqn"
    tau: float = Field(default=1.0, gt=0, le=1)
    train_freq: int | tuple[int, Literal["step", "episode"]] = 4
    target_update_interval: int = Field(default=10_000, gt=0)
    exploration_fraction: float = Field(default=0.1, gt=0, le=1)
    """Share of the training in which random actions become rarer."""
    exploration_initial_eps: float = Field(default=1.0, ge=0, le=1)
    exploration_final_eps: float = Field(default=0.05, ge=0, le=1)


class QRDQNOptions(DQNOptions):
    """Quantile-regression DQN (Dabney et al. 2018, arXiv:1710.10044)."""

    algorithm: Algorithm = "qr-dqn"
    exploration_fraction: float = Field(default=0.005, gt=0, le=1)
    exploration_final_eps: float = Field(default=0.01, ge=0, le=1)


class _Continuous(_OffPolicy):
    unused: ClassVar[Mapping[str, str]] = {**UNUSED, "train.max_grad_norm": "the algorithm clips no gradient"}
    action_noise_std: float | None = Field(default=None, gt=0)
    """Standard deviation of Gaussian noise on actions, of their range -1 to 1."""


class SACOptions(_Continuous, _Explores):
    """Soft actor-critic (Haarnoja et al. 2018, arXiv:1812.05905)."""

    algorithm: Algorithm = "sac"
    ent_coef: float | Literal["auto"] = "auto"
    """Weight of the entropy; ``auto`` learns it."""
    target_entropy: float | Literal["auto"] = "auto"
    target_update_interval: int = Field(default=1, gt=0)
    use_sde_at_warmup: bool = False


class TD3Options(_Continuous):
    """Twin delayed deep deterministic policy gradient (Fujimoto et al. 2018, arXiv:1802.09477)."""

    algorithm: Algorithm = "td3"
    policy_delay: int = Field(default=2, gt=0)
    target_policy_noise: float = Field(default=0.2, ge=0)
    target_noise_clip: float = Field(default=0.5, ge=0)


ALGORITHM_OPTIONS: Mapping[str, type[Options]] = {
    "a2c": A2COptions,
    "dqn": DQNOptions,
    "ppo": PPOOptions,
    "qr-dqn": QRDQNOptions,
    "recurrent-ppo": RecurrentPPOOptions,
    "sac": SACOptions,
    "td3": TD3Options,
}

"""Let an agent learn to act in an environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolkit.tasks.agent_options import Options
from toolkit.tasks.signature import Environment, Replay, Signature

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.recipe.schema import DataSection, Recipe
    from toolkit.tasks.agent_player import Player
    from toolkit.tasks.protocol import Check


class ReinforcementLearning:
    """The Hub's ``reinforcement-learning`` through stable-baselines3 and sb3-contrib."""

    name = "reinforcement-learning"
    Options = Options
    signature = Signature(Environment("episode"), Replay("replay"))
    defaults: Mapping[str, Any] = {
        "model": {"name": "scratch:mlp"},
        "train": {
            "max_steps": 100_000,
            "batch_size": 64,
            "learning_rate": 3e-4,
            "lr_scheduler_type": "constant",
            "max_grad_norm": 0.5,
        },
        "options": {"env": "CartPole-v1", "algorithm": "ppo"},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Environment, algorithm and policy, and some real steps to predict time and memory."""
        from toolkit.tasks.agent_training import prepare, try_out
        from toolkit.tasks.protocol import Check

        with prepare(recipe, run) as prepared:
            return Check(prepared.findings, try_out(prepared))

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Make the environments, build the algorithm, let it learn, save."""
        from toolkit.tasks.agent_report import measure
        from toolkit.tasks.agent_training import Lived, learn, prepare
        from toolkit.tasks.finishing import Trained, finish

        with prepare(recipe, run) as prepared:
            for finding in prepared.findings:
                run.say(f"{finding.level}: {finding}")
            result, parts = learn(prepared)
            lived = Lived(prepared, parts)
            trained = Trained(self, prepared.run, result, prepared.player, lived)
            return finish(trained, lambda _: measure(lived, result))

    def predictor(self, artifact: Artifact) -> Player:
        """Open the trained agent."""
        from toolkit.tasks.agent_player import Player

        return Player.load(artifact.model_folder, artifact.recipe)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Play the test episodes again.

        Raises:
            DataError: rows were given, of which an agent has no use.
        """
        from toolkit.errors import DataError
        from toolkit.tasks.agent_report import test_metrics

        if data is not None:
            raise DataError("an agent is measured in its environment, not on rows; leave out --data")
        return test_metrics(self.predictor(artifact))

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write the policy as ONNX: from observations to the action it would take."""
        from toolkit.tasks.agent_export import export_agent

        return export_agent(self.predictor(artifact).agent, target)

    def import_model(self, source: Path, recipe: Recipe, target: Path) -> dict[str, Any]:
        """Take the weights out of a zip that stable-baselines3 saved, opening none of its pickles."""
        from toolkit.tasks.agent_training import import_agent

        return import_agent(source, recipe, target)

"""Watch an agent act: pictures of an episode as it goes, with what speaks for each action beside them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo import examples, scene
from toolkit.demo.inputs import INPUTS
from toolkit.demo.messages import errors_shown
from toolkit.demo.streaming import in_own_thread
from toolkit.errors import EnvironmentFault, InputError

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.engine.rollout.play import Frame
    from toolkit.envs.stage import Stage

WATCHERS = 4
"""Episodes shown at a time; each has an environment of its own."""
PICTURES = 20.0
"""A second, at most: a browser and a network keep up with that. Of faster episodes, steps are left out."""
RATE, SLOWEST, FASTEST = 10.0, 1, 100
"""Steps a second: of environments that do not say how fast they run, and what can be chosen."""
NOT_OFFERED = {"frame_skip", "frameskip", "height", "sound_obs", "verbose", "width"}
"""Settings that change no episode, or how much there is to compute for one step: none of a visitor's business."""


class PlayTab:
    """The tab in which an agent plays."""

    title = "Watch it act"

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        # A task whose input is an environment gives a predictor that plays.
        self.player: Any = artifact.predictor
        self.kind = INPUTS[type(artifact.signature.input)]
        self.settings: Mapping[str, bool | int | float] = {
            name: value for name, value in self.player.settings().items() if name not in NOT_OFFERED
        }
        self.stage: Stage = self.player.stage()
        self.scores = scene.scores_of(self.player.agent, self.stage.actions)
        self.examples = examples.read_examples(artifact)
        self.seats = threading.BoundedSemaphore(WATCHERS)
        self.running: dict[str, threading.Event] = {}

    def build(self) -> None:
        """The picture on the left; what speaks for each action and what can be chosen on the right; episodes below."""
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                shown = gr.HTML(scene.EMPTY, elem_id="stage", label="Episode", padding=False)
            with gr.Column(scale=2, min_width=280):
                scores = gr.HTML(self.scores.show(), elem_id="scores", padding=False)
                seed = self.kind.component(self.artifact.signature.input)
                with gr.Row():
                    watch = gr.Button("Watch", variant="primary", elem_id="watch", min_width=100)
                    stop = gr.Button("Stop", elem_id="stop", min_width=100)
                inputs = [seed, *self._choices(), *self._settings()]
        self._connect([watch.click], inputs, [shown, scores])
        if self.examples:
            table = examples.build(self.artifact, self.examples)
            picked = table.click(self.pick, table, seed, api_visibility="private")
            self._connect([picked.success], inputs, [shown, scores])
        stop.click(self.stop, None, None, api_visibility="private", queue=False)
        gr.api(self.predict, api_name="predict")  # pyright: ignore[reportPrivateImportUsage]

    def _connect(self, asking: list[Any], inputs: list[Any], outputs: list[Any]) -> None:
        for event in asking:
            event(
                self.watch,
                inputs,
                outputs,
                api_visibility="private",
                concurrency_limit=None,  # `watch` counts, and tells who is too many
                show_progress="hidden",
                trigger_mode="multiple",  # a new episode ends the one before
            )

    def _choices(self) -> list[Any]:
        """How an episode is watched."""
        rate = min(max(self.stage.rate or RATE, 4), 60)
        speed = gr.Slider(
            SLOWEST, FASTEST, round(rate), step=1, label="Steps a second", buttons=[], elem_id="speed"
        )
        best = gr.Checkbox(
            True,
            label="Always take the best action",
            info="Otherwise actions are drawn, and the same seed goes another way each time.",
            visible=self.player.agent.draws,
            elem_id="best",
        )
        return [speed, best]

    def _settings(self) -> list[Any]:
        """A component for each setting of the environment, folded away."""
        if not self.settings:
            return []
        with gr.Accordion("Settings of the environment", open=False, elem_id="settings"):
            gr.Markdown("As in training; what is changed counts from the next episode.", elem_classes="hint")
            return [_setting(name, value) for name, value in self.settings.items()]

    def pick(self, index: int) -> int:
        """Put an example's seed into the input."""
        return self.kind.check(self.examples[index].given)

    def predict(self, seed: int) -> dict[str, Any]:
        """Play the episode of a seed at once: its return and its length."""
        with errors_shown():
            return self.artifact.predict([self.kind.check(seed)])[0]

    def stop(self, request: gr.Request) -> None:
        """End a visitor's episode."""
        over = self.running.get(str(request.session_hash))
        if over is not None:
            over.set()

    def watch(
        self, request: gr.Request, seed: Any, speed: Any, best: Any, *values: Any
    ) -> Iterator[tuple[str, str]]:
        """An episode as HTML, step by step: the picture, and the scores of the actions."""
        self.stop(request)
        yield scene.OPENING, self.scores.show()
        try:
            with errors_shown(), self._seat(str(request.session_hash)) as over:
                rate = float(min(max(speed or RATE, SLOWEST), FASTEST))
                yield from self._played(self._frames(seed, best, rate, values), rate, over)
        except gr.Error as error:
            yield scene.failed(error.message), self.scores.show()
            raise

    def _frames(self, seed: Any, best: Any, rate: float, values: tuple[Any, ...]) -> Iterator[Frame]:
        checked, changes = self.kind.check(seed), self._changes(values)
        every = -(-int(rate) // int(PICTURES))

        def play() -> Iterator[Frame]:
            frames = self.player.watch(checked, changes, deterministic=bool(best), every=every)
            with contextlib.closing(frames):
                yield from (frame for frame in frames if frame.picture is not None)

        with _faults_for_visitors(bool(changes)):
            yield from in_own_thread(play)

    def _played(
        self, frames: Iterator[Frame], rate: float, over: threading.Event
    ) -> Iterator[tuple[str, str]]:
        """Frames as HTML, at ``rate`` steps a second."""
        due, last = time.monotonic(), 0
        for frame in frames:
            due = max(due + (frame.step - last) / rate, time.monotonic())
            last = frame.step
            stopped = over.wait(max(0.0, due - time.monotonic()))
            yield scene.picture(frame, stopped=stopped), self.scores.show(frame)
            if stopped:
                return

    @contextmanager
    def _seat(self, visitor: str) -> Generator[threading.Event]:
        """Room for one more episode; what ends it."""
        if not self.seats.acquire(timeout=2):
            raise ValueError(f"{WATCHERS} others are watching, as many as fit; try again in a moment")
        over = self.running[visitor] = threading.Event()
        try:
            yield over
        finally:
            if self.running.get(visitor) is over:
                del self.running[visitor]
            self.seats.release()

    def _changes(self, values: tuple[Any, ...]) -> dict[str, Any]:
        """The settings that are not as they were in training, in the type they had."""
        given = dict(zip(self.settings, values, strict=True))
        return {
            name: type(self.settings[name])(value)
            for name, value in given.items()
            if value is not None and value != self.settings[name]
        }


def _setting(name: str, value: bool | int | float) -> Any:
    label = name.replace("_", " ").capitalize()
    if isinstance(value, bool):
        return gr.Checkbox(value, label=label)
    return gr.Number(value, label=label, precision=0 if isinstance(value, int) else None)


@contextmanager
def _faults_for_visitors(changed: bool) -> Generator[None]:
    """Errors of the environment without the places of a recipe, which a visitor does not know."""
    try:
        yield
    except EnvironmentFault as error:
        told = [
            replace(
                problem,
                where="",
                message=problem.message[:1].upper() + problem.message[1:],
                fix="change the settings back" if changed else problem.fix,
            )
            for problem in error.problems
        ]
        raise InputError(told) from error

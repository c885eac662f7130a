"""The ``toolkit`` command: verbs only. What they do is in :mod:`toolkit.run` and the parts below it."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import toolkit
from toolkit import terminal
from toolkit.errors import InputError, ToolkitError, disk_full, unusable_path

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.hub.samples import Sample

app = typer.Typer(
    help="Pretrained models on your own data: one recipe, one command. Start with: toolkit train nlp/reviews",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Format(StrEnum):
    """What a model can be exported to."""

    onnx = "onnx"


def _complete_recipe(incomplete: str) -> list[tuple[str, str]]:
    from toolkit.recipe.catalogue import entries

    return [(entry.name, entry.summary) for entry in entries() if entry.name.startswith(incomplete)]


def _complete_sample(incomplete: str) -> list[tuple[str, str]]:
    from toolkit.hub.samples import SAMPLES

    return [(name, sample.summary) for name, sample in SAMPLES.items() if name.startswith(incomplete)]


def _complete_run(incomplete: str) -> list[str]:
    runs = (str(path.parent) for path in Path("runs").glob("**/manifest.json"))
    return [run for run in runs if run.startswith(incomplete)]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"transfer-toolkit {toolkit.__version__}")
        raise typer.Exit


RecipeName = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A recipe's name (toolkit list), a YAML file, or a task.",
        autocompletion=_complete_recipe,
    ),
]
Changes = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Changes to the recipe: train.epochs=1")
]
RunFolder = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run folder, or a Hub repository made by push.", autocompletion=_complete_run
    ),
]
Data = Annotated[
    str | None,
    typer.Option(metavar="SOURCE", help="csv/tsv/jsonl/parquet/txt file, folder, Hub id or sample:NAME."),
]
Model = Annotated[str | None, typer.Option(metavar="NAME", help="Hub id, model folder or sample:NAME.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    terminal.quiet()


@app.command("list")
def list_recipes(as_json: Json = False) -> None:
    """List the recipes: those that ship with the toolkit and your own in ./recipes."""
    from toolkit.recipe.catalogue import entries

    found = entries()
    if as_json:
        terminal.print_json([entry.to_dict() for entry in found])
        return
    rows = [
        (
            entry.name,
            "yes" if entry.offline else "no",
            f"{terminal.first_sentence(entry.summary)}\n{entry.task}: {entry.model} on {entry.data}",
        )
        for entry in found
    ]
    terminal.print_table(("recipe", "offline", "what it does: task, model and data"), rows)


@app.command()
def show(recipe: RecipeName, as_json: Json = False) -> None:
    """Print a recipe: as it is written, or with every default filled in (--json)."""
    from toolkit import tasks
    from toolkit.recipe.catalogue import find
    from toolkit.recipe.load import load_recipe

    path = find(recipe)
    if as_json:
        terminal.print_json(load_recipe(path, options_for=tasks.options_for).model_dump(mode="json"))
    else:
        terminal.print_yaml(path.read_text(encoding="utf-8", errors="replace"))


@app.command()
def check(
    recipe: RecipeName,
    changes: Changes = None,
    *,
    data: Data = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Do everything short of training: read recipe, data and model, and predict time and memory."""
    from toolkit import run

    report = run.check(recipe, *changes or (), data=data, model=model)
    if as_json:
        terminal.print_json(report.to_dict())
    else:
        for finding in report.findings:
            print(f"{finding.level}: {finding}")
        _print_predicted(report.predicted)
    if not report.ok:
        raise typer.Exit(InputError.exit_code)


def _print_predicted(predicted: dict[str, Any]) -> None:
    if not predicted:
        return
    print(f"time: about {terminal.duration(predicted['seconds'])}")
    print(f"memory: about {terminal.size(predicted['memory_bytes'])}")
    print(f"how this is predicted: {predicted['how']}")


@app.command()
def train(
    recipe: RecipeName,
    changes: Changes = None,
    *,
    data: Data = None,
    model: Model = None,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Run folder; by default runs/RECIPE/TIME.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that share each batch.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run.")] = False,
    as_json: Json = False,
) -> None:
    """Train a recipe, measure it, and write a run folder with model, metrics and report."""
    from toolkit import run

    artifact = run.train(
        recipe, *changes or (), data=data, model=model, out=out, processes=processes, resume=resume
    )
    if not run.speaks():
        return
    if as_json:
        result = {"run": str(artifact.folder), "metrics": artifact.metrics, "seconds": artifact.seconds}
        terminal.print_json(result)
    else:
        _print_trained(artifact)


def _print_trained(artifact: Artifact) -> None:
    from toolkit.metrics.measure import headline_split
    from toolkit.run import example_words

    run, split = shlex.quote(str(artifact.folder)), headline_split(artifact.metrics)
    terminal.print_table((split, "value", "95% interval"), terminal.metric_rows(artifact.metrics[split]))
    words = [shlex.quote(terminal.shortened(word)) for word in example_words(artifact)]
    print()
    terminal.print_table(
        ("", ""),
        [
            *([] if artifact.seconds is None else [("time", terminal.duration(artifact.seconds))]),
            ("report", str(artifact.report)),
            ("next", f"toolkit demo {run}"),
            ("", f"toolkit predict {run} {' '.join(words)}"),
        ],
    )


@app.command()
def evaluate(run_folder: RunFolder, data: Data = None, as_json: Json = False) -> None:
    """Measure a run on its own test split, or on other data."""
    from toolkit import run

    metrics = run.evaluate(run_folder, data)
    if as_json:
        terminal.print_json(metrics)
    else:
        terminal.print_table(("metric", "value", "95% interval"), terminal.metric_rows(metrics))


@app.command()
def predict(
    run_folder: RunFolder,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Texts or pictures; files whose rows are read; folders of pictures; - for lines of stdin.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Predict texts or pictures, the rows of files, or the lines of stdin (-)."""
    from toolkit import run

    artifact = run.load(run_folder)
    words = [word for given in inputs for word in (_stdin_lines() if given == "-" else [given])]
    values = run.read_inputs(artifact, words)
    predictions = artifact.predict(values)
    if as_json:
        terminal.print_json(predictions)
        return
    rows = [row for p, v in zip(predictions, values, strict=True) for row in terminal.prediction_rows(p, v)]
    terminal.print_table(("label", "score", "input"), rows)


def _stdin_lines() -> list[str]:
    return [line.rstrip("\n") for line in sys.stdin if line.strip()]


@app.command()
def demo(
    run_folder: RunFolder,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine.")] = 7860,
    share: Annotated[bool, typer.Option("--share", help="Also make a public link for 72 hours.")] = False,
) -> None:
    """Open a demo of a run in the browser; only this machine can reach it."""
    from toolkit import run

    artifact = run.load(run_folder)
    from toolkit import demo  # seconds of imports, after what may be wrong has been looked at

    demo.launch(artifact, port=port, share=share)


@app.command()
def export(
    run_folder: RunFolder,
    format: Annotated[Format, typer.Option("--format", help="File format.")] = Format.onnx,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="A new folder; by default RUN/onnx.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the model as ONNX, and compare what it computes with the original."""
    from toolkit import run

    folder = run.load(run_folder).export(out)
    if as_json:
        terminal.print_json({"folder": str(folder), "format": format.value})
    else:
        print(folder)


@app.command("import")
def import_model(
    source: Annotated[str, typer.Argument(metavar="ZIP", help="What stable-baselines3's model.save wrote.")],
    recipe: RecipeName,
    changes: Changes = None,
    *,
    out: Annotated[str, typer.Option(metavar="FOLDER", help="A new folder for the model.")],
    as_json: Json = False,
) -> None:
    """Take the weights out of another library's file, without running any code that is in it.

    The policy is built from the recipe, which must name the algorithm, environment and network it was trained with;
    of the zip only the tensors are read. Settings, replay buffers and normalisation statistics, which are pickles, stay
    closed.
    """
    from toolkit import run

    folder, about = run.import_model(source, recipe, *changes or (), out=out)
    if as_json:
        terminal.print_json({"folder": str(folder), "about": about})
        return
    print(f"weights only, no pickle was opened: {folder}")
    print(f"go on from there with: toolkit train {shlex.quote(recipe)} model.name={shlex.quote(str(folder))}")


@app.command()
def push(
    run_folder: RunFolder,
    repo_id: Annotated[str, typer.Argument(metavar="REPO_ID", help="Where to: USER/NAME.")],
    public: Annotated[bool, typer.Option("--public", help="Readable by everyone, not private.")] = False,
    as_json: Json = False,
) -> None:
    """Upload model, card, recipe and metrics to the Hugging Face Hub; private unless --public."""
    from toolkit import run

    url = run.load(run_folder).push(repo_id, private=not public)
    if as_json:
        terminal.print_json({"url": url, "private": not public})
    else:
        print(url)


@app.command()
def samples(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Fetch these.", autocompletion=_complete_sample),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the samples (small real models and data), or fetch some into the cache."""
    from toolkit.hub.samples import SAMPLES, is_cached, open_sample, sample

    wanted = [sample(name) for name in names] if names else list(SAMPLES.values())
    folders = {entry.name: str(open_sample(entry.name)) for entry in wanted} if names else {}
    if as_json:
        more = [{"cached": is_cached(entry), "folder": folders.get(entry.name)} for entry in wanted]
        terminal.print_json([entry.to_dict() | extra for entry, extra in zip(wanted, more, strict=True)])
    elif names:
        terminal.print_table(("sample", "folder"), list(folders.items()))
    else:
        columns = (
            "sample",
            "kind",
            "size",
            "cached",
            "licence",
            "what it is, from where, how it is installed",
        )
        terminal.print_table(columns, [_sample_row(entry, is_cached(entry)) for entry in wanted])


def _sample_row(entry: Sample, cached: bool) -> tuple[str, ...]:
    about = "\n".join((entry.summary, entry.origin, entry.install))
    return (
        entry.name,
        entry.kind,
        terminal.size(entry.size_bytes),
        "yes" if cached else "no",
        entry.licence,
        about,
    )


def main() -> None:
    """Run the command line; leave with 0 done, 1 failed, 2 wrong input, 130 interrupted."""
    try:
        app(prog_name="toolkit")
    except SystemExit as stop:
        if stop.code == 130 and "RANK" not in os.environ:
            terminal.say(_interrupted(sys.argv[1:]))
        sys.exit(_flushed(stop.code))
    except Exception as error:  # the last frame: whatever comes here must leave as a message and an exit code
        sys.exit(_report(error))


def _report(error: Exception) -> int:
    """Say what went wrong and give the exit code; a traceback is for our own mistakes only."""
    error = disk_full(error, getattr(error, "filename", None) or "the run folder")
    if isinstance(error, OSError):
        error = unusable_path(error) or error
    if isinstance(error, ToolkitError):
        _say_errors(error)
        return error.exit_code
    traceback.print_exception(error)
    terminal.say(
        f"internal error: {type(error).__name__}; this is a mistake in the toolkit, not in your input"
    )
    return 1


def _say_errors(error: ToolkitError) -> None:
    if os.environ.get("RANK", "0") != "0":
        return  # every process of a run meets the same error; the first one speaks
    for line in str(error).splitlines():
        terminal.say(f"error: {line}")


def _interrupted(argv: list[str]) -> str:
    if argv[:1] != ["train"]:
        return "interrupted"
    again = argv if "--resume" in argv else [*argv, "--resume"]
    return f"interrupted; go on with: {shlex.join(['toolkit', *again])}"


def _flushed(code: Any) -> Any:
    """Write out stdout now: a reader that left early (``toolkit list | head -1``) is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code

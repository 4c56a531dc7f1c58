"""The training command: `python -m eval.training build|train|distill|export|evaluate`."""

import json
from pathlib import Path

import click

TOKENIZER = Path(__file__).parents[2] / "rag" / "data" / "minilm_tokenizer.json"
SHARES = {"made": 0.56, "supports": 0.2, "answers": 0.24}
ROUND = 8192
# Of the labels, where a teacher has a say.
HARD = 0.5
# Tokens of a batch: what two cores and what one big GPU take.
CPU_TOKENS, GPU_TOKENS = 2048, 49_152

existing = click.Path(exists=True, path_type=Path)
writable = click.Path(path_type=Path)


@click.group()
def training() -> None:
    """Build the data of the reader, train it, export it and measure it. Needs the extra `training`."""


@training.command()
@click.argument("repositories", type=existing)
@click.argument("out", type=writable)
@click.option("--development", type=existing, help="The folder of the development data.")
@click.option("--edited", default=16_000, show_default=True, help="Sentences to edit.")
@click.option("--framed", default=6_000, show_default=True, help="Frames to fill.")
def build(repositories: Path, out: Path, development: Path | None, edited: int, framed: int) -> None:
    """Write OUT/train.json.gz and OUT/held.json.gz from clones of the public repositories in README.md."""
    from eval.training import rows
    from eval.training.build import build as build_rows
    from eval.training.sources import Folder

    built = build_rows(Folder(repositories, development), edited=edited, framed=framed)
    rows.write(built.train, out / "train.json.gz")
    rows.write(built.held, out / "held.json.gz")
    for source, number in sorted(built.counts.items()):
        click.echo(f"{number:7,}  {source}")
    click.echo(f"{len(built.train):7,}  rows to train on, {len(built.held):,} kept out")


@training.command()
@click.argument("data", type=existing)
@click.argument("weights", type=existing)
@click.argument("out", type=writable)
@click.option("--minutes", default=50.0, show_default=True, help="Of one warm-up and decay.")
@click.option("--rate", default=6e-5, show_default=True, help="The highest learning rate.")
@click.option("--name", default="student", show_default=True, help="Of the weights: NAME.0.npz and on.")
@click.option("--threads", default=2, show_default=True, help="Of the CPU.")
@click.option("--max-steps", type=int, help="Stop after that many steps, not by the clock.")
@click.option("--fixed", default=0, show_default=True, help="Layers, from the first, that stay as they are.")
@click.option("--longest", type=int, help="Characters of the longest row that is read: short ones are quicker.")
@click.option("--near/--free", default=True, help="Stay near what the weights said before, which costs a third more.")
def train(  # noqa: PLR0917
    data: Path,
    weights: Path,
    out: Path,
    minutes: float,
    rate: float,
    name: str,
    threads: int,
    max_steps: int | None,
    fixed: int,
    longest: int | None,
    near: bool,
) -> None:
    """Train on from WEIGHTS, an exported model or a folder of NAME.0.npz and on.

    Rows made by rule teach their labels; the others their labels and what the weights said before.
    """
    import torch

    from eval.training import model, rows, trainer
    from eval.training.export import load_exported

    torch.set_num_threads(threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    read = [row for row in rows.read(data / "train.json.gz") if longest is None or row.characters <= longest]
    pairs = trainer.Pairs(read, trainer.tokenizer_of(TOKENIZER), device)
    network = (load_exported(weights) if weights.is_file() else model.load(weights, name)).to(device)
    tokens = GPU_TOKENS if device == "cuda" else CPU_TOKENS
    trainer.train(
        network,
        pairs,
        trainer.mixed(read, SHARES, ROUND),
        trainer.Plan(minutes * 60, rate, tokens, HARD if near else 1.0, device == "cuda", fixed, max_steps),
        teacher=trainer.frozen(network) if near else None,
        checkpoint=lambda current: model.save(current, out, f"{name}-checkpoint"),
    )
    model.save(network, out, name)


@training.command()
@click.argument("data", type=existing)
@click.argument("minilm", type=existing)
@click.argument("mpnet", type=existing)
@click.argument("out", type=writable)
@click.option("--teacher-minutes", default=4.0, show_default=True)
@click.option("--student-minutes", default=4.5, show_default=True)
@click.option("--max-steps", type=int, help="Stop each after that many steps, not by the clock.")
def distill(  # noqa: PLR0917
    data: Path,
    minilm: Path,
    mpnet: Path,
    out: Path,
    teacher_minutes: float,
    student_minutes: float,
    max_steps: int | None,
) -> None:
    """Train a teacher from all-mpnet-base-v2, then a student from all-MiniLM-L6-v2 on labels and the teacher's scores.

    MINILM and MPNET are the models' safetensors files. Meant for one GPU.
    """
    import torch
    from safetensors.numpy import load_file

    from eval.training import model, rows, trainer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    read = rows.read(data / "train.json.gz")
    pairs = trainer.Pairs(read, trainer.tokenizer_of(TOKENIZER), device)
    tokens = GPU_TOKENS if device == "cuda" else CPU_TOKENS
    draw = trainer.mixed(read, SHARES, ROUND * 4)
    teacher = model.from_base(model.MPNET, load_file(mpnet)).to(device)
    teacher.relative.requires_grad_(False)
    trainer.train(teacher, pairs, draw, trainer.Plan(teacher_minutes * 60, 6e-5, tokens // 2, max_steps=max_steps))
    student = model.from_base(model.MINILM, load_file(minilm)).to(device)
    plan = trainer.Plan(student_minutes * 60, 3e-4, tokens, hard=0.45, max_steps=max_steps)
    trainer.train(student, pairs, draw, plan, teacher=trainer.frozen(teacher))
    model.save(student, out, "student")


@training.command()
@click.argument("weights", type=existing)
@click.argument("out", type=writable)
@click.option("--name", default="student", show_default=True)
@click.option("--towards", type=existing, help="Weights to mix in, as a folder with the same names.")
@click.option("--share", default=0.5, show_default=True, help="Of the weights mixed in.")
def export(weights: Path, out: Path, name: str, towards: Path | None, share: float) -> None:
    """Write WEIGHTS as an int8 ONNX model to OUT and print its sha256."""
    from eval.training import model
    from eval.training.export import export as write

    network = model.load(weights, name)
    if towards:
        network = model.mixed(network, model.load(towards, name), share)
    click.echo(f"{write(network, out)}  {out}")


@training.command()
@click.argument("models", type=existing, nargs=-1, required=True)
@click.option("--development", type=existing, help="The folder of the development data.")
@click.option("--held", type=existing, help="held.json.gz, for the groups that no version was trained on.")
@click.option("--per-source", default=400, show_default=True, help="Rows of held.json.gz for each source.")
@click.option("--whole", is_flag=True, help="All groups, not only those kept out of training.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def evaluate(  # noqa: PLR0917
    models: tuple[Path, ...],
    development: Path | None,
    held: Path | None,
    per_source: int,
    whole: bool,
    as_json: bool,
) -> None:
    """Measure MODELS, each an ONNX file, on what a reader is chosen by."""
    from eval.training.evaluate import evaluate as measure
    from rag.models.minilm import bundled_tokenizer
    from rag.models.reader import OnnxReader

    found = {}
    for path in models:
        reader = OnnxReader(path.stem, str(path), bundled_tokenizer(), threads=1)
        figures = {}
        for name, figure in measure(reader, development=development, held=held, per_source=per_source, whole=whole):
            figures[name] = figure
            if not as_json:
                click.echo(f"{path.stem}  {name}  {json.dumps(figure)}")
        found[str(path)] = figures
    if as_json:
        click.echo(json.dumps(found))

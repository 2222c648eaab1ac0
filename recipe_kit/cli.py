"""The `recipe` command: parse, call one function, print."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recipe_kit import __version__
from recipe_kit.options import (
    INTERRUPTED,
    Group,
    count,
    format_name,
    list_starters,
    nproc_per_node,
    overrides,
    recipe_file,
    short,
)

if TYPE_CHECKING:
    from recipe_kit.record.schemas import Record

@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="recipe")
def main() -> None:
    """One YAML file becomes a fine-tuning run and its published cookbook page."""


@main.command()
@click.argument("name")
@click.option("--starter", default="floor-safety", show_default=True,
              help="What to begin with; --list names them all.")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=list_starters,
    help="List the starters and end.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path("recipes"), show_default=True,
    help="Where the recipe is written.",
)
def new(name: str, starter: str, folder: Path) -> None:
    """Write a recipe to begin with: recipes/NAME.yaml."""
    from recipe_kit.spec.starters import new_recipe

    path = new_recipe(name, starter, folder)
    click.echo(
        f"Wrote {path}. Lines marked 'write:' and what stands in [brackets] are yours to fill in."
    )
    click.echo(f"Next: recipe validate {path}")


@main.command()
@recipe_file
@overrides
@click.option("--publish", is_flag=True, help="Also refuse what is left to write.")
def validate(recipe: Path, overrides: tuple[str, ...], publish: bool) -> None:
    """Check a recipe; nothing is run."""
    from recipe_kit.spec.load import load_recipe

    loaded = load_recipe(recipe, overrides)
    if publish:
        from recipe_kit.page.publish import check_finished
        from recipe_kit.record.store import read_record
        from recipe_kit.run.layout import layout

        made = layout(loaded, recipe).record_path
        check_finished(recipe, overrides, read_record(made) if made.exists() else None)
    click.echo(
        f"{recipe} is valid: {count(len(loaded.tasks), 'task')}, "
        f"{count(len(loaded.benchmarks), 'benchmark')}"
    )
    if publish:
        return
    from recipe_kit.spec.drafts import left_to_write

    if left := len(left_to_write(loaded)):
        click.echo(
            f"{count(left, 'place')} left to write: `recipe validate --publish {recipe}` lists "
            f"{'them' if left > 1 else 'it'}"
        )


@main.command()
@recipe_file
@overrides
@click.option("--gpu", metavar="NAME",
              help="Also predict memory, time and cost on this GPU, such as H200.")
@click.option("--gpus", type=click.IntRange(1), metavar="NUMBER",
              help="How many of them share the work; train.devices when not given.")
@click.option("--price", type=click.FloatRange(0), metavar="DOLLARS",
              help="For an hour of one GPU; a typical price when not given.")
def plan(
    recipe: Path, overrides: tuple[str, ...], gpu: str | None, gpus: int | None,
    price: float | None,
) -> None:
    """Print the stages, what is done, what would run, and what it comes to."""
    from recipe_kit.run.layout import layout
    from recipe_kit.run.planned import survey
    from recipe_kit.spec.load import load_recipe

    loaded = load_recipe(recipe, overrides)
    found = survey(loaded, layout(loaded, recipe), gpu, gpus, price)
    width = max(len(line.stage.name) for line in found.stages)
    for line in found.stages:
        begun = ", begun" if line.begun else ""
        name, mark = line.stage.name.ljust(width), line.stage.fingerprint[:16]
        click.echo(f"{name}  {mark}  {line.state}{begun}")
    click.echo()
    for fact in found.facts:
        click.echo(fact)
    for one in found.absent:
        click.echo(f"Not on this machine: {one}")
    for warning in found.warnings:
        click.echo(f"Warning: {warning}")


@main.command()
@recipe_file
@overrides
@nproc_per_node
def run(recipe: Path, overrides: tuple[str, ...], processes: int) -> None:
    """Run a recipe and render its page; what is done already is not repeated."""
    from recipe_kit.page.render import render as render_page
    from recipe_kit.run.launch import first, launch, started, together
    from recipe_kit.run.layout import layout
    from recipe_kit.spec.load import load_recipe

    loaded = load_recipe(recipe, overrides)
    places = layout(loaded, recipe, overrides, processes)
    again = places.run_command(overrides)
    try:
        if processes > 1 and not started():
            sys.exit(launch(shlex.split(again)[1:], processes, go_on=again))
        # Before torch: threads that spin for long while they wait make a run up to ten times slower
        # as soon as another program uses one of the cores.
        os.environ.setdefault("GOMP_SPINCOUNT", "30000")
        # After the spec, whose errors need not wait for torch.
        from recipe_kit.run.execute import execute
        from recipe_kit.run.report import Reporter

        with together(places.run.path, go_on=again) as world:
            report = Reporter(
                places.run, overrides=overrides, processes=processes, silent=not world.first
            )
            record = execute(loaded, places, report, world)
            if record is None:
                return
            render_page(
                record, loaded, media=places.run.path / "media", out=places.page,
                recipe_path=recipe,
            )
    except KeyboardInterrupt:
        if first():
            click.echo(f"\nStopped. To go on: {again}", err=True)
        sys.exit(INTERRUPTED)
    _wrote(places.page, recipe, overrides, record)


@main.command()
@recipe_file
def render(recipe: Path) -> None:
    """Render the page again from the record, with the prose as it is now."""
    from recipe_kit.page.render import render as render_page
    from recipe_kit.record.store import read_record
    from recipe_kit.run.layout import layout
    from recipe_kit.spec.load import load_recipe

    loaded = load_recipe(recipe)
    places = layout(loaded, recipe)
    record = read_record(places.record_path)
    run_has_it = places.record_path == places.run.record_path
    render_page(
        record,
        loaded,
        media=places.run.path / "media" if run_has_it else None,
        out=places.page,
        recipe_path=recipe,
    )
    _wrote(places.page, recipe, (), record)


@main.command()
@recipe_file
@click.argument("prefix", default="")
def names(recipe: Path, prefix: str) -> None:
    """List every number that the prose can quote by name, or those that begin with PREFIX."""
    from recipe_kit.page.names import chosen
    from recipe_kit.page.names import names as names_of
    from recipe_kit.record.store import read_record
    from recipe_kit.run.layout import layout
    from recipe_kit.spec.load import load_recipe

    known = names_of(read_record(layout(load_recipe(recipe), recipe).record_path))
    for name, (value, definition) in chosen(known, prefix).items():
        click.echo(f"{name}\t{value}\t{definition}")


@main.command()
@click.argument("page", type=click.Path(path_type=Path))
def verify(page: Path) -> None:
    """Check that a page is what its answers give: PAGE is its folder, or its recipe."""
    from recipe_kit.run.layout import page_of
    from recipe_kit.verify.page import verify as verify_page

    page = page_of(page)
    report = verify_page(page)
    for note in report.notes:
        click.echo(f"Note: {note}")
    if report.findings:
        raise report.error(short(page))
    click.echo(
        f"{short(page)} is what its answers give: {count(report.questions, 'question')}, "
        f"{count(report.predictions, 'answer')}, {count(report.files, 'file')}, "
        f"{report.seconds:.1f} s"
    )


@main.command()
@recipe_file
def status(recipe: Path) -> None:
    """Show where a run is."""
    from recipe_kit.run.layout import layout
    from recipe_kit.run.status import describe
    from recipe_kit.spec.load import load_recipe

    loaded = load_recipe(recipe)
    click.echo(describe(layout(loaded, recipe)))


@main.command()
@recipe_file
@overrides
@click.option("--port", type=click.IntRange(0, 65535), default=0,
              help="Port of the page; any that is free when not given.")
def review(recipe: Path, overrides: tuple[str, ...], port: int) -> None:
    """Show the contradicting answers to a pool's questions, and record what you decide."""
    from recipe_kit.run.layout import layout
    from recipe_kit.run.review import Review
    from recipe_kit.run.review_server import serve
    from recipe_kit.spec.load import load_recipe

    loaded = load_recipe(recipe, overrides)
    found = Review(loaded, layout(loaded, recipe, overrides))
    server, address = serve(found, port=port)
    click.echo(f"{count(len(found.places), 'contradiction')}. Open {address}")
    click.echo("Ctrl-C ends it; every decision is recorded at once.")
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            left = sum(pair.standing == "undecided" for pair in found.pairs())
            click.echo(f"\n{left} left to decide")


@main.command()
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path))
@click.argument("target", metavar="TO", type=click.Path(path_type=Path))
@click.option("--from-format", type=format_name, help="What FROM is, where that is not clear.")
@click.option("--to-format", type=format_name, help="What TO is to be, where that is not clear.")
@click.option(
    "--media", type=click.Path(path_type=Path, file_okay=False),
    help="Folder of pictures: read from it into a table or dataset, or written to it from one.",
)
def convert(source: Path, target: Path, from_format: str | None, to_format: str | None,
            media: Path | None) -> None:
    """Write questions in another format; nothing of them is lost."""
    from recipe_kit.run.convert import convert as convert_questions

    number, title = convert_questions(
        source, target, from_format=from_format, to_format=to_format, media=media
    )
    click.echo(f"Wrote {target}: {count(number, 'question')}, {title}")


@main.command()
@recipe_file
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--benchmark", metavar="NAME", help="Which benchmark; the first when not given.")
@click.option("--format", "format_", type=format_name, help="What OUT is to be, if not clear.")
@overrides
def export(recipe: Path, out: Path, benchmark: str | None, format_: str | None,
           overrides: tuple[str, ...]) -> None:
    """Write a benchmark's questions for other tools, with their pictures."""
    from recipe_kit.run.export import export as export_questions
    from recipe_kit.run.layout import layout
    from recipe_kit.spec.load import load_recipe

    loaded = load_recipe(recipe, overrides)
    number, title = export_questions(
        loaded, layout(loaded, recipe), out, benchmark=benchmark, format_=format_
    )
    click.echo(f"Wrote {out}: {count(number, 'question')}, {title}")


@main.command()
@recipe_file
@overrides
@click.option("--model", "--model-name", "model", default="base", show_default=True, metavar="NAME",
              help="base, or another model of the recipe: its short name, its name or its title.")
@click.option("--checkpoint", default="", metavar="STEP|FOLDER",
              help="Steps of the recipe's own training, or a checkpoint's folder.")
@click.option("--benchmark", "--dataset", "benchmark", default="", metavar="NAME",
              help="Which benchmark; the recipe's first when not given.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("outputs"),
              show_default=True, help="Folder of the answers.")
@nproc_per_node
def infer(recipe: Path, overrides: tuple[str, ...], model: str, checkpoint: str, benchmark: str,
          out: Path, processes: int) -> None:
    """Ask one model, or one checkpoint, one benchmark, and write its answers."""
    from recipe_kit.run.launch import first, launch, started, together
    from recipe_kit.run.layout import layout
    from recipe_kit.spec.load import load_recipe

    loaded = load_recipe(recipe, overrides)
    places = layout(loaded, recipe, overrides, processes)
    try:
        if processes > 1 and not started():
            sys.exit(launch(sys.argv[1:], processes, go_on="the same command"))
        from recipe_kit.run.infer import infer as ask
        from recipe_kit.run.report import Reporter

        with together(places.run.path, go_on="the same command") as world:
            report = Reporter(
                places.run, overrides=overrides, processes=processes, silent=not world.first
            )
            found = ask(loaded, places, report, model=model, checkpoint=checkpoint,
                        benchmark=benchmark, out=out, world=world)
            if found is None:
                return
    except KeyboardInterrupt:
        if first():
            click.echo("\nStopped. The same command goes on.", err=True)
        sys.exit(INTERRUPTED)
    click.echo(f"Wrote {short(found.path)}: {count(found.answers, 'answer')}")
    for task, (metric, value) in found.scores.items():
        click.echo(f"{task}: {metric} {'undefined' if value is None else f'{value:.3f}'}")


@main.command()
@click.argument("recipe", type=click.Path(path_type=Path), required=False)
@click.option("--outputs-dir", type=click.Path(path_type=Path, file_okay=False, exists=True),
              help="Plot predictions that `recipe infer` wrote, instead of a recipe's run.")
@click.option("--metric", required=True, help="accuracy, bleu, lingo_judge, or another metric.")
@click.option("--benchmark", "--dataset", "benchmark", metavar="NAME",
              help="Which benchmark; the first that has the metric when not given.")
@click.option("--base-model", metavar="NAME",
              help="The model's folder in --outputs-dir; the only one when not given.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
              help="SVG or PNG file to write; METRIC.svg when not given.")
def plot(recipe: Path | None, outputs_dir: Path | None, metric: str, benchmark: str | None,
         base_model: str | None, out: Path | None) -> None:
    """Plot a metric over the checkpoints of a run, or of a folder of predictions."""
    from recipe_kit.page.plotting import METRICS, curve_of_points, curve_of_record, write_figure

    metric, out = METRICS.get(metric, metric), out or Path(f"{metric}.svg")
    if (recipe is None) == (outputs_dir is None):
        raise click.UsageError("Name a recipe or --outputs-dir, one of both.")
    if recipe is not None:
        from recipe_kit.record.store import read_record
        from recipe_kit.run.layout import layout
        from recipe_kit.spec.load import load_recipe

        record = read_record(layout(load_recipe(recipe), recipe).record_path)
        figure = curve_of_record(record, metric, benchmark)
    elif outputs_dir is not None:
        from recipe_kit.run.outputs import read_outputs

        found = read_outputs(outputs_dir, metric=metric, benchmark=benchmark, model=base_model)
        figure = curve_of_points(
            found.model, found.benchmark, found.metric, found.base, found.points
        )
    write_figure(figure, out)
    click.echo(f"Wrote {short(out)}: {figure.alt}")


@main.command()
def doctor() -> None:
    """Say what this machine can do, and what to install."""
    from recipe_kit.run.doctor import examine

    for check in examine():
        click.echo(f"{'ok ' if check.ok else '-- '} {check.name}: {check.found}")
        if check.advice:
            click.echo(f"      {check.advice}")


def _wrote(page: Path, recipe: Path, overrides: tuple[str, ...], record: "Record") -> None:
    from recipe_kit.page.publish import notes

    click.echo(f"Wrote {short(page / 'index.md')}")
    for note in notes(recipe, overrides, record):
        click.echo(f"Note: {note}")

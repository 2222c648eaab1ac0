"""What the page says about the benchmark itself: its facts, an example, how it was asked."""

from recipe_kit.page import numbers, words
from recipe_kit.page.about_change import verdict
from recipe_kit.page.about_choice import headline_reading
from recipe_kit.page.about_curation import training_samples
from recipe_kit.page.markdown import Md, bullets, code, fence, media
from recipe_kit.record.schemas import Example, Record

_KINDS = {"binary": "Yes or No", "scale": "a rating", "choice": "multiple choice",
          "caption": "a caption", "open": "a free answer"}


def facts(record: Record) -> Md:
    """What each benchmark asks, of how many samples of which split."""
    tasks = words.tasks(record)
    items = []
    for name, found in record.benchmarks.items():
        spec = record.spec["benchmarks"][name]
        sources = spec["sources"] or record.spec["data"]["splits"][spec["split"]]
        asked = "; ".join(f"{code(task)} ({_kind(tasks[task])})" for task in found.tasks)
        items.append(Md(
            f"{code(name)}: {numbers.num(found.questions)} questions about "
            f"{numbers.num(found.samples)} {_medium(record, sources)} of the {spec['split']} split "
            f"({words.names_of(tuple(sources))}) — {asked}"
        ))
    return bullets(items)


def _kind(task: words.TaskWords) -> str:
    if task.kind != "choice":
        return _KINDS[task.kind]
    most = len(task.options)
    turned = ", asked in every rotation of its options" if task.circular else ""
    return f"multiple choice among {most} options{turned}"


def _medium(record: Record, sources: tuple[str, ...]) -> str:
    kinds = {
        record.data.sources[name].media_type for name in sources if name in record.data.sources
    }
    return {frozenset({"image"}): "images", frozenset({"video"}): "videos"}.get(
        frozenset(kinds), "samples"
    )


def _asked(record: Record) -> dict[str, Example | None]:
    """Every task that is asked, with a question of it that the page has a picture of."""
    found: dict[str, Example | None] = {}
    for facts_of in record.benchmarks.values():
        for task in facts_of.tasks:
            every = [one for one in record.examples if words.task_of(one.question) == task]
            found.setdefault(task, every[0] if every else None)
    return found


def example_questions(record: Record) -> Md:
    """One question of each task, as the model reads it."""
    tasks, shown = words.tasks(record), []
    for task, example in _asked(record).items():
        prompt = example.prompt if example else tasks[task].prompt
        asked, options = words.parts_of(prompt)
        lines = [f"User prompt: {asked}", *(words.spoken(one, options) for one in options)]
        shown.append(str(fence("\n".join(lines), "text")))
        if example:
            truth = words.spoken(example.reference, options)
            name = words.sample_of(example.question)
            shown.append(str(media(example.media, f"{name}, truth {truth}", 200)) + "\n")
            shown.append(f"The right answer to this one is “{truth}”.\n")
    return Md("\n".join(shown))


def how_asked(record: Record) -> Md:
    """How the base model was asked, in sentences."""
    model, evaluation = record.model, record.spec["evaluation"]
    limits = record.spec["model"]
    system = "with a system prompt" if evaluation["system_prompt"] else "without a system prompt"
    low, high = limits["min_pixels"], limits["max_pixels"]
    size = (
        f"about {numbers.num(low)} pixels" if low == high
        else f"between {numbers.num(low)} and {numbers.num(high)} pixels"
    )
    said = [
        f"{words.about_model(model)}, revision {code(model.revision[:16])}, was asked every "
        f"question once, {system}, without examples and before any training.",
        f"Pictures have {size} when the model sees them; the answer has at most "
        f"{numbers.num(evaluation['max_new_tokens'])} tokens.",
    ]
    said += _how_read(record)
    if any(one.blind_predictions for one in record.evaluations):
        said.append(
            "Every question was asked once more with the picture blanked, to see what can be "
            "answered without looking."
        )
    return Md(" ".join(said))


def _how_read(record: Record) -> list[str]:
    found = words.tasks(record)
    asked = [found[task] for task in _asked(record) if found[task].kind == "choice"]
    if not asked:
        return []
    said = []
    read = {headline_reading(record, task.name) for task in asked}
    if read == {"probability"}:
        said.append("The answer is the likeliest letter.")
    elif "strict" in read:
        said.append(
            "The final answer is read strictly from the text: a letter or an option's words; "
            "where both could be meant, it counts as unreadable."
        )
    elif "vlmevalkit" in read:
        said.append("The answer is read from the text as VLMEvalKit's `can_infer` does.")
    if any(task.circular for task in asked):
        said.append(
            "Options are turned through all their positions (circular evaluation): the circular "
            "accuracy counts a question only if every rotation is answered correctly."
        )
    return said


def journey(record: Record, steps: tuple[tuple[str, str], ...]) -> Md:
    """The five or six steps of a page with what each found, as a block quote with links.

    Args:
        record: The record.
        steps: Name and anchor of each step, in order: benchmark, zero-shot, problem analysis (left
            out where there are five), data, training, re-evaluation.
    """
    told = _told(record)
    if len(steps) == 5:
        del told[2]
    if not record.training:
        steps = (*steps[:-1], ("Result", "results" if len(steps) == 5 else "result"))
    kept = [
        f"**[{name}](#{anchor})** — {said}"
        for (name, anchor), said in zip(steps, told, strict=True)
        if said
    ]
    kept = [f"> {at}. {line}" for at, line in enumerate(kept, start=1)]
    return Md("\n".join(["> **The way from problem to solution:**", ">", *kept]) + "\n")


def _told(record: Record) -> list[str]:
    benchmark, found = next(iter(record.benchmarks.items()))
    task = found.primary
    roles = {one.role: one for one in record.evaluations if one.benchmark == benchmark}
    metric = words.metric_of(record, task)
    before = roles["base"].tasks[task].metrics[metric]
    gaps = len(record.gaps)
    told = [
        f"{code(benchmark)}, {numbers.counted(found.questions, 'question')}",
        f"{numbers.value(metric, before.value)} {numbers.in_a_sentence(metric)} on {code(task)}",
        f"{gaps or 'no'} gap{'' if gaps == 1 else 's'} identified",
        numbers.counted(training_samples(record), "training sample"),
    ]
    main = next((one for one in record.training if one.role == "tuned"), None)
    if main is None or "tuned" not in roles:
        why = "the base model was enough" if record.gate.enough else words.why_untrained(record)
        return [*told[:3], "", "", f"{why}, so nothing was trained"]
    after = roles["tuned"].tasks[task].metrics[metric]
    worth = {"unclear": " (within noise)", "worse": " (worse)"}.get(verdict(record), "")
    method = "LoRA" if main.method == "lora" else "full"
    return [
        *told,
        f"supervised fine-tuning ({method}), {numbers.duration(main.seconds)}",
        f"{numbers.in_a_sentence(metric)} {numbers.value(metric, before.value)} → "
        f"**{numbers.value(metric, after.value)}**{worth}",
    ]

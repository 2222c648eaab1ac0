from collections import Counter
from pathlib import Path

import pytest
from drives import CARS, WEATHER, drives

from recipe_kit.benchmark.pool import about, choose, lessons
from recipe_kit.benchmark.questions import build
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.examples import examples, validation_questions

POOL = WEATHER + CARS + """\
    usual: "0"
  - name: color
    category: Objects
    label: car_color
    question: What color is the car?
    options: [red, blue, green, white, black]
    unless: [none]
  - name: night
    category: Scene
    question: Is it night?
    options: {true: It is night, false: It is not}
"""
FOGGY: dict[str, LabelValue] = {"weather": "fog", "cars": 7, "car_color": "blue", "night": False}


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return drives(
        tmp_path, POOL, splits="{test: {drive: 0.5}, val: {drive: 0.1}, train: {drive: 0.4}}",
        pool="{path: pool.yaml, sampled: 2, training: 2}",
    )


def sample(
    name: str = "a", labels: dict[str, LabelValue] | None = None, split: str = "test"
) -> Sample:
    return Sample.model_validate({
        "id": f"drive/{name}", "source": "drive", "media": f"{name}.mp4", "media_type": "video",
        "sha256": name, "labels": FOGGY if labels is None else labels, "split": split,
    })


def test_questions_of_a_video(recipe: Recipe) -> None:
    questions = build("drives", recipe, [sample("b"), sample("a")])
    assert [(one.id, one.sample, one.pool, one.category, one.group) for one in questions] == [
        ("drives/vqa/drive/a/weather", "drive/a", "weather", "Scene", "drive/a"),
        ("drives/vqa/drive/a/cars", "drive/a", "cars", "Objects", "drive/a"),
        ("drives/vqa/drive/a/night", "drive/a", "night", "Scene", "drive/a"),
        ("drives/vqa/drive/b/weather", "drive/b", "weather", "Scene", "drive/b"),
        ("drives/vqa/drive/b/cars", "drive/b", "cars", "Objects", "drive/b"),
        ("drives/vqa/drive/b/color", "drive/b", "color", "Objects", "drive/b"),
    ]
    for one in questions:
        right = {"weather": "Fog", "cars": "Two or more", "color": "blue", "night": "It is not"}
        assert one.options[one.reference] == right[one.pool]
        assert one.choices == tuple("ABCD")[: len(one.options)]
        assert one.prompt.splitlines() == [
            next(q.question for q in recipe.benchmarks["drives"].pool.questions
                 if q.name == one.pool),
            *(f"{letter}. {text}" for letter, text in one.options.items()),
        ]
    assert [len(one.options) for one in questions] == [4, 3, 2, 4, 3, 4]


def test_each_question_has_an_order_of_its_own(recipe: Recipe) -> None:
    questions = build("drives", recipe, [sample(str(number)) for number in range(80)])
    right = Counter(one.reference for one in questions if one.pool == "weather")
    assert set(right) == {"A", "B", "C", "D"}
    assert max(right.values()) < 35


def test_slices_are_by_the_labels_of_the_video(recipe: Recipe) -> None:
    benchmark = recipe.benchmarks["drives"].model_copy(update={"slices": ("weather",)})
    changed = recipe.model_copy(update={"benchmarks": {"drives": benchmark}})
    assert {tuple(one.slices.items()) for one in build("drives", changed, [sample()])} == {
        (("weather", "fog"),)
    }


def test_options_keep_the_order_of_the_pool(recipe: Recipe) -> None:
    pool = recipe.benchmarks["drives"].pool
    assert pool is not None
    for number in range(20):
        for drawn in choose(pool, sample(str(number)), 3, where="benchmarks.drives.pool"):
            listed = [text for text in drawn.question.texts if text in drawn.options]
            assert list(drawn.options) == listed
            assert len(listed) <= 3
            assert drawn.right in listed
            assert about(sample(str(number)), drawn).labels == {
                "question": drawn.question.question, "answer": drawn.right,
                **dict(zip("ABC", listed, strict=False)),
            }


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            {"cars": 1},
            "sample 'drive/a': it lacks the label 'weather', which answers the required question "
            "'weather' of the pool\n"
            "  To mend it: give it the label, leave it out (`exclude`, or "
            "benchmarks.drives.sources), or name a model in benchmarks.drives.pool.text that "
            "answers instead",
        ),
        (
            FOGGY | {"weather": "hail"},
            "sample 'drive/a': label 'weather' is 'hail', which the question 'weather' of the pool "
            "does not know; known: clear, rain, fog, snow\n"
            "  To mend it: correct the label, or add the value to the question's options or to "
            "its `unless`",
        ),
        (
            {"weather": "fog", "night": True},
            "benchmarks.drives.pool: no video can be asked a question of the category 'Objects': "
            "none has one of the labels car_color, cars\n"
            "  To mend it: give the videos these labels, or take the category's questions out of "
            "the pool",
        ),
    ],
)
def test_what_a_pool_cannot_ask(
    recipe: Recipe, labels: dict[str, LabelValue], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        build("drives", recipe, [sample(labels=labels)])
    assert str(caught.value) == message


def test_a_video_without_any_label(recipe: Recipe) -> None:
    pool = recipe.benchmarks["drives"].pool
    assert pool is not None
    free = pool.model_copy()
    free.fill(tuple(one for one in pool.questions if not one.required))
    with pytest.raises(DataError) as caught:
        choose(free, sample(labels={}), 4, where="benchmarks.drives.pool")
    assert str(caught.value) == (
        "sample 'drive/a': no question of the pool applies to it: it has none of the labels that "
        "answer them\n  To mend it: give it labels, or name a model in benchmarks.drives.pool.text "
        "that answers instead"
    )


def test_an_empty_benchmark(recipe: Recipe) -> None:
    with pytest.raises(DataError, match="the benchmark is empty: split 'test' has no sample"):
        build("drives", recipe, [sample(split="train")])


def test_training_questions_come_from_the_whole_pool(recipe: Recipe) -> None:
    seen: Counter[str] = Counter()
    for number in range(60):
        taught = list(lessons(recipe, "vqa", sample(str(number), split="train")))
        assert len(taught) == 2
        seen.update(one.id.rsplit("/", 1)[1] for one in taught)
        assert all(len(set(one.labels) - {"question", "answer"}) <= 4 for one in taught)
    assert set(seen) == {"weather", "cars", "color", "night"}
    assert all(one >= 15 for one in seen.values())


def test_training_questions_stay_when_more_are_drawn(recipe: Recipe) -> None:
    more = recipe.model_copy(update={"benchmarks": {
        name: one.model_copy(update={"pool": one.pool.model_copy(update={"training": 3})})
        for name, one in recipe.benchmarks.items() if one.pool
    }})  # fmt: skip
    for number in range(20):
        of = sample(str(number), split="train")
        few, many = ({one.id: one.labels for one in lessons(spec, "vqa", of)}
                     for spec in (recipe, more))
        assert len(many) == 3
        assert few.items() <= many.items()


def test_training_pairs(recipe: Recipe) -> None:
    (example,) = examples(recipe, [sample(split="train"), sample("b", {}, split="train")])
    assert example.sample.id == "drive/a"
    for prompt, target in example.pairs:
        letters = dict(line.split(". ") for line in prompt.splitlines()[1:])
        assert letters[target] in ("Fog", "Two or more", "blue", "It is not")


def test_validation_asks_what_the_benchmark_would(recipe: Recipe) -> None:
    found = validation_questions(recipe, [sample(split="val"), sample("b", {}, split="val")])
    assert [(one.sample, one.pool) for one in found] == [
        ("drive/a", "weather"), ("drive/a", "cars"), ("drive/a", "night"),
    ]
    assert validation_questions(recipe, [sample(labels={}, split="val")]) == ()

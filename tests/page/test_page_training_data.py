"""Facts of the training data, settings, log and checkpoints, from literal records."""
# ruff: noqa: E501 -- exact Markdown: a row of a table is one line

from typing import Any

import pytest

from recipe_kit.page import about_curation, about_settings
from recipe_kit.page.markdown import Md
from recipe_kit.record.schemas import Record, SourceFacts

PICTURES = SourceFacts(
    kind="table", samples=160, media_type="image", resolutions={"640×480": 150, "320×240": 10},
    encodings={"JPEG": 160}, bytes=12_400_000, license="CC BY 4.0", credit="Ada | Example",
    splits={"train": 140, "val": 20}, labels={}, annotation="a table with a row for each picture",
)
VIDEOS = PICTURES.model_copy(update={
    "media_type": "video", "resolutions": {"640×480": 40}, "encodings": {"H.264": 40},
    "samples": 40, "splits": {"train": 40}, "fps": {"25": 30, "30": 10},
    "seconds": (2.0, 4.0, 8.5), "license": "",
})


def of_data(spatial: Record, **sources: SourceFacts) -> Record:
    data = spatial.data.model_copy(update={"sources": sources})
    training = spatial.training[0].model_copy(update={
        "samples": {name: facts.splits["train"] for name, facts in sources.items()},
        "drawn": {name: 1 / len(sources) for name in sources},
    })
    return spatial.model_copy(update={
        "data": data, "training": (training,), "contact_sheets": {},
    })


def test_facts_of_pictures(spatial: Record) -> None:
    record = of_data(spatial, tables=PICTURES)
    assert about_curation.facts(record, Md("Two cups.")) == """\
- **Input type:** image
- **Resolution:** 640×480 px (150), 320×240 px (10)
- **Encoding:** JPEG
- **Length:** 140 images for training
- **FPS:** not applicable (images)
- **Caption/Annotation:** a table with a row for each picture
- **Size on disk:** 12.4 MB
- **Sample contents:** Two cups.
"""


def test_facts_of_pictures_and_videos(spatial: Record) -> None:
    record = of_data(spatial, tables=PICTURES, clips=VIDEOS)
    assert about_curation.facts(record, Md("")) == """\
- **Input type:** image and video
- **Resolution:** 640×480 px (190), 320×240 px (10)
- **Encoding:** JPEG (160), H.264 (40)
- **Length:** 180 images and videos for training; videos of 4.0 s on average (2.0–8.5 s)
- **FPS:** 25 (30), 30 (10)
- **Caption/Annotation:** a table with a row for each picture
- **Size on disk:** 24.8 MB
"""


def test_sources_have_shares_and_licenses(spatial: Record) -> None:
    world = PICTURES.model_copy(update={"kind": "world", "splits": {"train": 60}, "license": ""})
    assert about_curation.shares(of_data(spatial, tables=world, photos=PICTURES)) == """\
| Source | What it is | Training samples | Share of training | License |
| --- | --- | ---: | ---: | --- |
| `tables` | drawn by the tabletop world (seed 3) | 60 | 50.0% | not stated |
| `photos` | Ada &#124; Example | 140 | 50.0% | CC BY 4.0 |
"""


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, "**Train/test overlap:** none. No picture of one split occurs in another, not even "
             "nearly (perceptual hashes at most 2 of 64 bits apart), and no group of samples is "
             "parted by a split."),
        ({"exact_across_splits": 1, "near_across_splits": 3},
         "**Train/test overlap:** 1 exact duplicate and 3 near duplicates across splits, listed "
         "below; scores on such samples are no test of new ones."),
    ],
)
def test_overlap_is_stated(spatial: Record, found: dict[str, int], said: str) -> None:
    audit = spatial.data.audit.model_copy(update=found)
    data = spatial.data.model_copy(update={"audit": audit})
    assert about_curation.overlap(spatial.model_copy(update={"data": data})) == said


def test_contact_sheets(spatial: Record) -> None:
    record = spatial.model_copy(update={"contact_sheets": {"left": "sheet-left.jpg"}})
    assert about_curation.sheets(record) == (
        'Samples with the label `left`:\n\n<img src="assets/sheet-left.jpg" alt="Samples with the '
        'label left" width="640">\n'
    )


def test_contact_sheets_of_questions_with_options_of_their_own(spatial: Record) -> None:
    task = spatial.spec["tasks"]["left_right"] | {"options": ["{A}", "{B}"]}
    spec = spatial.spec | {"tasks": {"left_right": task}}
    record = spatial.model_copy(update={"contact_sheets": {"near": "sheet.jpg"}, "spec": spec})
    assert about_curation.sheets(record) == (
        'Samples of the category `near`:\n\n<img src="assets/sheet.jpg" alt="Samples of the '
        'category near" width="640">\n'
    )
    assert "samples of each category are shown" in about_curation.facts(record, Md(""))


def test_data_commands_name_the_data_folder_where_there_are_files(spatial: Record) -> None:
    assert "RECIPE_DATA" not in about_curation.commands(spatial)
    data = {**spatial.spec["data"], "sources": {"photos": {"kind": "table"}}}
    record = spatial.model_copy(update={"spec": {**spatial.spec, "data": data}})
    assert about_curation.commands(record) == """\
```bash title="Prepare the data"
export RECIPE_DATA=path/to/data       # where paths begin; without it, at the recipe
recipe validate recipes/spatial.yaml  # check the recipe, its sources and their columns
recipe plan recipes/spatial.yaml      # list the stages, and what is there already
```
"""


def test_the_loader_is_the_script_that_ships(spatial: Record) -> None:
    assert about_curation.loader().startswith(
        '???+ code "Data loader: llava_loader.py"\n\n    ```python\n    """Load training data'
    )
    assert "[llava_loader.py](assets/llava_loader.py)" in about_curation.loader_sentence(spatial)
    assert about_curation.loader_sentence(spatial.model_copy(update={"loader": ""})) == ""


def trained(spatial: Record, **settings: Any) -> Record:
    spec = {**spatial.spec, "train": {**spatial.spec["train"], **settings}}
    return spatial.model_copy(update={"spec": spec})


def test_approach(spatial: Record) -> None:
    assert about_settings.approach(spatial) == (
        "Supervised fine-tuning (SFT) with LoRA adapters of rank 16 (the vision tower included); "
        "412,000 of 5,800,000 parameters (7.1%) are trained."
    )
    whole = trained(spatial, method="full", freeze_vision=True)
    assert "with full fine-tuning of the weights, the vision tower frozen;" in (
        about_settings.approach(whole)
    )


def test_parameters_have_values_and_rationales(spatial: Record) -> None:
    record = trained(spatial, accumulate=2)
    said = {"learning_rate": Md("The largest that\n\nlearned."), "lora.dropout": Md("Little.")}
    assert about_settings.parameters(record, said) == """\
- **Learning Rate:** 0.0005 (AdamW; 3% warm-up, then a cosine down to 10% of it) — The largest that

    learned.
- **Batch Size:** 32 samples × 2 accumulated, each with all its questions
- **Epochs/Steps:** 3 epochs; 156 of 156 planned optimizer steps were done
- **`lora.dropout`:** 0.05 — Little.
- **Other Parameters:** LoRA rank 16, alpha 32; no augmentation; weight decay 0.01; gradient clipped at 1; seed 0; validation after each epoch, with a patience of 2
"""


def test_a_sample_of_the_log(spatial: Record) -> None:
    training = spatial.training[0]
    training = training.model_copy(update={
        "curve": training.curve[:2], "validations": training.validations[-1:],
    })
    record = spatial.model_copy(update={"training": (training,)})
    assert about_settings.log_sample(record) == """\
```text
step   1/156  loss 1.1571  learning rate 5.00e-04
step   4/156  loss 1.0500  learning rate 5.00e-04
step 156/156  validation: loss 0.3500  accuracy 89.3% (n = 200)  best
```
"""


def test_checkpoints_tried_are_told(spatial: Record) -> None:
    assert about_settings.checkpoints(trained(spatial, checkpoint_every=50)) == (
        "**Checkpointing:** The state of training is saved after each epoch, and every 50 steps. A "
        "run that was stopped goes on from there when the same command is given again. 3 "
        "checkpoints were tried; that of step 156 was chosen by its accuracy on 200 validation "
        "samples."
    )


def test_without_training_there_is_nothing_to_say(spatial: Record) -> None:
    record = spatial.model_copy(update={"training": ()})
    for about in (about_settings.approach, about_settings.log_sample, about_settings.checkpoints):
        assert about(record) == ""

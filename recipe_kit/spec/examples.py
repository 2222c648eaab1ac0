"""The smallest useful YAML of each part of a spec, for the reference page."""

from recipe_kit.spec.base import Part
from recipe_kit.spec.data import (
    AnnotationsSource,
    Audit,
    Columns,
    Data,
    MappedColumn,
    QuestionsSource,
    Splits,
    TableSource,
    Take,
    TriplesSource,
    WorldSource,
)
from recipe_kit.spec.model import Endpoint, Model, OtherModel, Video
from recipe_kit.spec.prose import Issue, Prose, Titled
from recipe_kit.spec.recipe import Author, Evaluation, Recipe, Resource
from recipe_kit.spec.tasks import (
    Benchmark,
    BinaryTask,
    CaptionTask,
    ChoiceTask,
    Criterion,
    Gate,
    OpenTask,
    Pool,
    ScaleTask,
    Target,
)
from recipe_kit.spec.train import Ablation, Augment, Lora, Train, Validate
from recipe_kit.spec.worlds import DrivingKnobs, FloorsKnobs, PrimerKnobs, TabletopKnobs

EXAMPLES: dict[type[Part], str] = {
    Recipe: """
        schema: 1
        title: Floor Crack Safety
        authors: [{name: Ada}]
        organization: Example Robotics
        use_case: Floor crack detection
        data:
          sources:
            synthetic: {kind: world, world: floors, count: 800}
          splits:
            train: {synthetic: 0.6}
            val: {synthetic: 0.15}
            test: {synthetic: 0.25}
        tasks:
          cracked:
            type: binary
            prompt: Is this floor cracked? Yes or No.
            label: cracked
            answers: {cracked: "Yes", not cracked: "No"}
        benchmarks:
          floor: {tasks: [cracked]}
        gate:
          benchmark: floor
          targets: [{task: cracked, metric: accuracy, at_least: 0.9}]
        prose:
          overview: Robots should not drive over cracks.
          dataset: The pictures are drawn.
          why_not_fine_tuned: The base model reached the target.
          why_it_matters: Fewer cracks are missed.
          conclusion: Photographs come next.
    """,
    Author: """
        name: Ada
        url: https://example.org
    """,
    Model: """
        base: nvidia/Cosmos-Reason2-2B
        max_pixels: 262144
    """,
    Video: """
        nframes: 16
        max_pixels: 360000
    """,
    OtherModel: """
        base: Qwen/Qwen3-VL-8B-Instruct
        title: Qwen3-VL-8B
    """,
    Endpoint: """
        url: http://localhost:8000/v1
        model: nvidia/Cosmos-Reason2-8B
        api_key: MY_API_KEY
    """,
    Data: """
        sources:
          real:
            kind: table
            path: floors/labels.csv
            labels: {cracked: label}
        splits:
          train: {real: 0.7}
          val: {real: 0.1}
          test: {real: 0.2}
    """,
    TableSource: """
        kind: table
        path: floors/labels.csv
        columns: {image: file, group: scene}
        labels: {cracked: label}
    """,
    Columns: """
        image: file
        group: scene
    """,
    MappedColumn: """
        column: hazard_level
        map: {1: "Yes", 2: "Yes", 3: "No"}
    """,
    WorldSource: """
        kind: world
        world: floors
        count: 800
        randomize: {shadow: 0.4}
    """,
    DrivingKnobs: """
        night: 0.4
        rain: 0.3
    """,
    FloorsKnobs: """
        cracked: 0.5
        shadow: 0.4
    """,
    PrimerKnobs: """
        most: 3
    """,
    TabletopKnobs: """
        near: 0.5
        icons: 0.1
    """,
    TriplesSource: """
        kind: triples
        path: floors/train.json
    """,
    QuestionsSource: """
        kind: questions
        format: vlmevalkit
        path: benchmark/questions.tsv
    """,
    AnnotationsSource: """
        kind: annotations
        path: drives
        subdirectories: [human_annotated, cv_annotated]
        weights: [0.7, 0.3]
        targets: {human: safety_analysis}
    """,
    Splits: """
        train: {synthetic: 0.9}
        val: {synthetic: 0.1}
        test: {real: {rows: test}}
    """,
    Take: """
        rows: train
        share: 0.9
    """,
    Audit: """
        near_duplicate_distance: 4
        unreadable: skip
    """,
    BinaryTask: """
        type: binary
        prompt: Is this floor cracked? Yes or No.
        label: cracked
        answers: {cracked: "Yes", not cracked: "No"}
    """,
    ScaleTask: """
        type: scale
        prompt: How dangerous is this floor, from 1 (safe) to 5 (dangerous)?
        label: severity
    """,
    ChoiceTask: """
        type: choice
        prompt: Is the {subject} to the left or to the right of the {object}?
        options: [left, right]
        label: relation
    """,
    CaptionTask: """
        type: caption
        prompt: Describe the drive.
        label: safety_analysis
    """,
    OpenTask: """
        type: open
        judge: wayveai/Lingo-Judge
    """,
    Pool: """
        path: driving
        sampled: 6
    """,
    Benchmark: """
        split: test
        tasks: [cracked, severity]
    """,
    Gate: """
        benchmark: floor
        targets:
          - {task: cracked, metric: accuracy, at_least: 0.9}
    """,
    Target: """
        task: severity
        metric: mae
        at_most: 0.5
    """,
    Criterion: """
        task: severity
        metric: within_one
        at_least: 0.95
    """,
    Evaluation: """
        max_new_tokens: 512
        batch_size: 16
    """,
    Train: """
        method: lora
        blend: {synthetic: 0.7, real: 0.3}
        epochs: 3
        learning_rate: 2e-4
    """,
    Lora: """
        rank: 8
        alpha: 16
    """,
    Ablation: """
        blend: {synthetic: 1}
    """,
    Augment: """
        mirror: true
        brightness: 0.1
    """,
    Validate: """
        every: 200
        patience: 3
    """,
    Prose: """
        overview: |
          Robots should not drive over cracks.
        dataset: |
          The pictures are drawn.
        why_not_fine_tuned: |
          The base model is right in {{ floor.base.cracked.accuracy | pct }} of the cases.
        why_it_matters: |
          The recall went up to {{ floor.tuned.cracked.recall | pct }}.
        conclusion: |
          Photographs come next.
    """,
    Issue: """
        issue: The loss is no number.
        solution: Halve the learning rate.
    """,
    Titled: """
        title: Data Composition Analysis
        text: Other shares of the sources may serve other metrics better.
    """,
    Resource: """
        name: Cosmos Cookbook
        url: https://github.com/nvidia-cosmos/cosmos-cookbook
    """,
}

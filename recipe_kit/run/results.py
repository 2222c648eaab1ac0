"""What completed stages wrote, for the stages after them."""

from recipe_kit.record.files import read_json
from recipe_kit.record.schemas import GateResult, TrainingResult
from recipe_kit.run.job import Job


def gate_result(job: Job) -> GateResult:
    """What the gate decided."""
    return read_json(job.folder(job.plan.of("gate")) / "gate.json", GateResult)


def training_result(job: Job, role: str) -> TrainingResult:
    """What a training did."""
    return read_json(job.folder(job.plan.of("train", role)) / "training.json", TrainingResult)

"""The structures of a page: which words of the author each heading asks for.

The help of `post-training` and `capability` is the instruction that the Cosmos Cookbook's templates
have under the heading, in brackets. `benchmark-study` has the headings of its published recipe on
video captioning and VQA for autonomous vehicles.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Ending = Literal["any", "tuned", "enough"]


@dataclass(frozen=True)
class Need:
    """A part of the prose that a profile has a place for."""

    part: str
    """Key in `prose`."""
    heading: str
    """Heading of the page that it stands under."""
    help: str
    """What to write."""
    required: bool = False
    ending: Ending = "any"
    """The ending it is shown in: with fine-tuning, because the base model was enough, or any."""


_SETUP = Need("setup", "[Setup and System Requirements](setup.md)",
              "Hardware, software, and how to install it; becomes a page of its own.")
_WHY_NOT = "Why the base model was enough; for the ending without fine-tuning."
_PARAMETERS = "For a key parameter of `train`, its rationale: `learning_rate: Why this value`."
_COMMON_ISSUES = "Each common issue and its solution: `{issue: ..., solution: ...}`."
_TROUBLESHOOTING = "Tips for when training or evaluation goes wrong."
_METRICS = "What the shift of the scores tells, and how the gaps identified earlier were addressed."
_BASE_ASKED = (
    "Describe which zero-shot checkpoint was used, and how the evaluation was done. If using "
    "customized scripts, preferably also include the script."
)

_TEST_FINETUNE_TEST = (
    _SETUP,
    Need("overview", "## Overview", "What the task is, why it matters, and the approach.", True),
    Need("dataset", "### 1. Prepare Evaluation Dataset",
         "How the evaluation data was collected and labeled, and its edge cases.", True),
    Need("prompts", "### 2. Define Evaluation Prompts", "Why these questions are asked."),
    Need("inference", "### 3. Run Inference with Base Model", "How the base model was asked."),
    Need("baseline", "### 4. Evaluation Metrics", "What the zero-shot scores tell."),
    Need("training_data", "### 1. Select Training Data", "What the training data is, and why.",
         ending="tuned"),
    Need("training", "### 2. Fine-Tune Execution", "Why this method and these settings.",
         ending="tuned"),
    Need("validation", "### 3. Training Validation", "What the validation curve shows.",
         ending="tuned"),
    Need("comparison", "### 2. Compare Metrics", "What changed after fine-tuning.",
         ending="tuned"),
    Need("why_not_fine_tuned", "### If Base Model Was Enough:", _WHY_NOT, True, "enough"),
    Need("error_analysis", "### If Fine-Tuning Helped:", "What the examples show.",
         ending="tuned"),
    Need("why_it_matters", "### If Fine-Tuning Helped:",
         "What the improvement means in practice (risk, cost); for the ending with fine-tuning.",
         True, "tuned"),
    Need("conclusion", "## Conclusion", "What was learned, and what comes next.", True),
)

_POST_TRAINING = (
    Need("overview", "## Overview",
         "Describe the challenge, why post-training is needed, and your approach (e.g., LoRA, "
         "full fine-tuning, RL).", True),
    _SETUP,
    Need("problem", "## Problem",
         "Describe the specific problem or task you're addressing. What are the target benchmarks? "
         "What makes this challenging for the base model?", True),
    Need("baseline", "## Problem",
         "What the initial zero-shot evaluation tells. This helps readers understand the starting "
         "point and the gaps you identified."),
    Need("gaps", "## Problem", "For a gap that the page lists, your words: `category.near: ...`."),
    Need("success", "## Problem", "Why these success criteria."),
    Need("why_not_fine_tuned", "## Problem", _WHY_NOT, ending="enough"),
    Need("methodology", "## Methodology",
         "Explain your training approach (e.g., Supervised Fine-Tuning, Reinforcement Learning) "
         "and why it suits this use case. Include key benefits and trade-offs.", True, "tuned"),
    Need("parameters", "### Training Configuration", _PARAMETERS, ending="tuned"),
    Need("curation", "## Data Preparation",
         "Describe training data sources, preprocessing steps, and expected format. If possible, "
         "explain how your data addresses the specific gaps identified in the baseline "
         "evaluation. Consider quality control and annotation procedures.", True),
    Need("sourcing", "## Data Preparation", "Data sources and their relevance to the domain."),
    Need("training_data", "## Data Preparation",
         "Any targeted curation to address model weaknesses.", ending="tuned"),
    Need("sample_contents", "## Data Preparation", "What representative samples show."),
    Need("training", "## Training", "Step-by-step instructions beside the commands.",
         ending="tuned"),
    Need("monitoring", "## Training",
         "Include monitoring, checkpointing, and debugging information.", ending="tuned"),
    Need("validation", "## Training", "What the validation curve shows.", ending="tuned"),
    Need("common_issues", "## Training", _COMMON_ISSUES, ending="tuned"),
    Need("troubleshooting", "## Training", _TROUBLESHOOTING, ending="tuned"),
    Need("inference", "## Results", "How the model was asked."),
    Need("comparison", "## Results",
         "Describe evaluation methodology, metrics, and qualitative analysis. Explain how specific "
         "gaps identified earlier were addressed.", ending="tuned"),
    Need("error_analysis", "## Results", "What the examples show.", ending="tuned"),
    Need("examples", "## Results", "For an example on the page, why its answer changed.",
         ending="tuned"),
    Need("why_it_matters", "## Results", "What the improvement means in practice.",
         ending="tuned"),
    Need("conclusion", "## Conclusion", "Key achievements and lessons learned.", True),
    Need("achievements", "## Conclusion", "Key achievements."),
    Need("lessons", "## Conclusion", "Lessons learned."),
    Need("next_steps", "## Conclusion",
         "Suggestions for what comes next, such as `- Scale up training data`.", True),
)

_CAPABILITY = (
    Need("overview", "### Overview of the Capability",
         "Describe the capability, the challenge, why post-training is needed, and your approach "
         "(e.g., LoRA, full fine-tuning, RL).", True),
    _SETUP,
    Need("benchmark", "### Pick Your Benchmark",
         "Describe the benchmark you've selected and why it's relevant for your use case. The "
         "benchmark can be existing or self-built, and it can be internal or external. When "
         "adopting a self-built benchmark, please actively seek review and feedback from other "
         "domain experts to avoid the pitfall of making the mission too easy to accomplish. Our "
         "goal is to build something meaningful for the Cosmos models in the long run.", True),
    Need("prompts", "### Pick Your Benchmark", "Why these questions are asked."),
    Need("dataset", "### Pick Your Benchmark",
         "How the evaluation data was collected and labeled, and its edge cases."),
    Need("inference", "### Run Baseline Evaluation", _BASE_ASKED),
    Need("baseline", "### Baseline Results",
         "Document the key findings from your zero-shot evaluation. What are the specific gaps or "
         "weaknesses you identified?", True),
    Need("problem", "## Step 3: Problem Analysis",
         "Describe the specific problem or task you're addressing.", True),
    Need("gaps", "### Key Gaps Identified",
         "For a gap that the page lists, your words: `category.near: ...`."),
    Need("success", "### Success Criteria",
         "Why these goals; the goals themselves are in the key `success` beside `prose`."),
    Need("why_not_fine_tuned", "## Step 3: Problem Analysis", _WHY_NOT, ending="enough"),
    Need("sourcing", "### Domain Data Sourcing",
         "Describe the main source of the data for the post-training, and major challenges "
         "encountered.", True),
    Need("curation", "### Data Curation",
         "Describe the data curation pipeline, which tool used to set that up, and the end results "
         "of the curation.", True),
    Need("training_data", "### Data Curation", "What the training data is, and why.",
         ending="tuned"),
    Need("sample_contents", "### Data Curation",
         "Describe representative samples. The page shows some of each label."),
    Need("methodology", "### Methodology",
         "Why this method; what did you instruct the model to learn?", True, "tuned"),
    Need("parameters", "### Training Configuration", _PARAMETERS, ending="tuned"),
    Need("training", "### Command", "What to know before running the command.", ending="tuned"),
    Need("monitoring", "### Monitoring & Debugging",
         "How training was watched, and what to look for in the logs.", ending="tuned"),
    Need("validation", "### Monitoring & Debugging", "What the validation curve shows.",
         ending="tuned"),
    Need("common_issues", "### Monitoring & Debugging", _COMMON_ISSUES, ending="tuned"),
    Need("troubleshooting", "### Monitoring & Debugging", _TROUBLESHOOTING, ending="tuned"),
    Need("comparison", "### Results Comparison", _METRICS, ending="tuned"),
    Need("error_analysis", "### Qualitative Analysis", "What the examples show.", ending="tuned"),
    Need("examples", "### Qualitative Analysis",
         "For an example on the page, why its answer improved.", ending="tuned"),
    Need("why_it_matters", "### Qualitative Analysis", "What the improvement means in practice.",
         ending="tuned"),
    Need("conclusion", "## Conclusion", "What was learned, in a sentence or two."),
    Need("achievements", "### Key Achievements",
         "Each achievement: an improvement, or an insight.", True),
    Need("lessons", "### Lessons Learned", "Each lesson: what worked, what to improve.", True),
    Need("next_steps", "### Next Steps",
         "Each next step, such as `- Extend to related benchmarks`, `- Scale up training data`, "
         "`- Explore additional techniques`.", True),
)

_BENCHMARK_STUDY = (
    Need("overview", "## Overview",
         "Who made this with whom, what the model is for, and how its quality is measured.", True),
    Need("challenge", "### The Challenge",
         "What the domain needs, why it is hard, and where the base model falls short.", True),
    Need("workflow", "### Recipe Workflow",
         "For a step (`benchmark`, `zero_shot`, `data`, `training`, `re_evaluation`, "
         "`conclusion`), your words in place of the kit's."),
    Need("benchmark", "## 1. Benchmark Definition",
         "Which benchmark was chosen or built, with whose input, and why it is relevant."),
    Need("requirements", "### Requirements",
         "For a category of the benchmark, what it covers: `Key Objects: Vehicle types, ...`."),
    Need("prompts", "### Requirements", "How these capabilities were chosen."),
    Need("dataset_facts", "### Evaluation Dataset",
         "Further rows of the dataset's table, which nothing measures: `Scenarios: urban, ...`."),
    Need("dataset", "### Evaluation Dataset",
         "How the evaluation data was collected and annotated, and its edge cases."),
    Need("methods", "### Evaluation Methods",
         "For a method (`bleu`, `mcq`, `lingo_judge`, or a benchmark's name), what to know of it."),
    Need("inference", "## 2. Zero-Shot Evaluation", "How the models were asked, and why these."),
    Need("baseline", "## 2. Zero-Shot Evaluation", "What the zero-shot scores tell."),
    Need("gaps", "### Summary", "For a gap that the page lists, your words: `category.near: ...`."),
    Need("selection", "### Summary", "Why this base model was chosen."),
    Need("why_not_fine_tuned", "### Summary", _WHY_NOT, ending="enough"),
    Need("curation", "## 3. Data Curation",
         "How the training data was curated for the gaps that zero-shot evaluation showed."),
    Need("sources", "## 3. Data Curation",
         "For a source or a subdirectory of one, a title and a text on what it holds."),
    Need("training_data", "### Dataset Summary", "Why the sources are blended as they are."),
    Need("methodology", "## 4. Post-Training (SFT)",
         "Why this way of training suits the task, and what the model should learn.",
         ending="tuned"),
    Need("setup", "### Setup", "Hardware, software, and how to install it.", ending="tuned"),
    Need("code_structure", "### Fine-Tuning Code Structure",
         "Further files that the training needs, one each: `scripts/x.py: what it does`.",
         ending="tuned"),
    Need("parameters", "### Training Configuration", _PARAMETERS, ending="tuned"),
    Need("training", "### Running Fine-Tuning", "What to know before running the command.",
         ending="tuned"),
    Need("validation", "### Running Fine-Tuning", "What the training curve shows.",
         ending="tuned"),
    Need("comparison", "## 5. Re-Evaluation", "What is measured again, and how.", ending="tuned"),
    Need("observations", "### Results",
         "For a benchmark, what you observe beside what the numbers say: a list.",
         ending="tuned"),
    Need("error_analysis", "### Results", "What the examples show.", ending="tuned"),
    Need("examples", "### Results", "For an example on the page, why its answer changed.",
         ending="tuned"),
    Need("summary", "### Results", "Further points of the summary.", ending="tuned"),
    Need("conclusion", "## Conclusion",
         "Findings, takeaways, and what you recommend for production.", True),
    Need("outlook", "### Future Directions", "What stands before the list."),
    Need("future_directions", "### Future Directions",
         "Each direction: `{title: Data Composition Analysis, text: ...}`."),
    Need("related_work", "## Related Work", "What this builds upon, with links."),
    Need("references", "## References", "Each reference, in the order of its number."),
)

PROFILES: dict[str, tuple[Need, ...]] = {
    "test-finetune-test": _TEST_FINETUNE_TEST,
    "post-training": _POST_TRAINING,
    "capability": _CAPABILITY,
    "benchmark-study": _BENCHMARK_STUDY,
}
"""Places for prose of each profile, in the order of its page."""


def needs(profile: str, *, tuned: bool, enough: bool) -> Iterator[Need]:
    """What a page shows in one ending.

    Args:
        profile: The page's profile.
        tuned: Whether something was trained.
        enough: Whether the base model reached its targets.
    """
    for need in PROFILES[profile]:
        if need.ending == "any" or (need.ending == "tuned" and tuned) or (
            need.ending == "enough" and enough
        ):
            yield need


def help_for(profile: str, part: str) -> str:
    """What to write as a part of the prose; empty where the profile has no place for it."""
    return next((one.help for one in PROFILES.get(profile, ()) if one.part == part), "")

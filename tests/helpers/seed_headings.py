"""Every heading of the documents that the profiles are made from, in order."""

POST_TRAINING = """## Overview
## Problem
## Methodology
### Training Configuration
## Data Preparation
## Training
## Results
## Conclusion
## Resources""".splitlines()

CAPABILITY = """## Overview
### Overview of the Capability
## Step 1: Benchmark Selection
### Pick Your Benchmark
## Step 2: Zero-shot Evaluation
### Run Baseline Evaluation
### Baseline Results
## Step 3: Problem Analysis
### Key Gaps Identified
### Success Criteria
## Step 4: Data Curation
### Domain Data Sourcing
### Data Curation
## Step 5: Post-Training
### Methodology
### Training Configuration
### Data Loader
### Command
### Monitoring & Debugging
## Step 6: Re-evaluation
### Results Comparison
### Qualitative Analysis
## Conclusion
### Key Achievements
### Lessons Learned
### Next Steps
## References""".splitlines()

TEST_FINETUNE_TEST = """## TEST → FINE-TUNE → TEST Workflow
## ✓ PHASE 1 — Baseline Testing (No Fine-Tuning)
### 1. Prepare Evaluation Dataset
### 2. Define Evaluation Prompts
#### Severity classification:
### 3. Run Inference with Base Model
#### Log outputs:
### 4. Evaluation Metrics
## PHASE 2 — Fine-Tune Training (Optional)
### 1. Select Training Data
### 2. Fine-Tune Execution
### 3. Training Validation
## PHASE 3 — Post-Fine-Tuning Testing
### 1. Run Inference with Fine-Tuned Model
### 2. Compare Metrics
## Decide and Document
### If Base Model Was Enough:
### If Fine-Tuning Helped:""".splitlines()

HEADINGS = {
    "test-finetune-test": TEST_FINETUNE_TEST,
    "post-training": POST_TRAINING,
    "capability": CAPABILITY,
}
"""From a profile to its document's headings; a study's follow from what it has."""

# Between its sources and its numbered methods, a study says what it has; these are always there.
BENCHMARK_STUDY = """## Overview
### The Challenge
### Recipe Workflow
## 1. Benchmark Definition
### Requirements
### Evaluation Dataset
### Evaluation Methods
#### 1.1 BLEU Score
#### 1.2 MCQ-based VQA
## 2. Zero-Shot Evaluation
### 2.1 MCQ-based VQA Results
### Summary
## 3. Data Curation
### Example Annotations
### Dataset Summary
## 4. Post-Training (SFT)
### Setup
### Fine-Tuning Code Structure
### Training Configuration
### Running Fine-Tuning
## 5. Re-Evaluation
### Running the Fine-Tuned Model
### Scoring the Fine-Tuned Model
### Results
## Conclusion
### Future Directions
## Related Work
## References""".splitlines()

LINGOQA = ["#### 1.3 LingoQA Benchmark", "### 2.2 LingoQA Benchmark Results"]
"""Headings of a study that asks LingoQA's questions as well."""
TRAINED_ONLY = BENCHMARK_STUDY[BENCHMARK_STUDY.index("## 3. Data Curation") :][:12]
"""Headings that a study has only where something is trained."""


def wanted(profile: str, *, trained: bool) -> list[str]:
    """The headings that a page of a profile has, by whether anything was trained."""
    if profile != "benchmark-study":
        return HEADINGS[profile]
    return [one for one in BENCHMARK_STUDY if trained or one not in TRAINED_ONLY]

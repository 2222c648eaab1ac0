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
"""From a profile to its document's headings."""

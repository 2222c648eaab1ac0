"""Fine-tune a model on pictures, prompts and targets."""

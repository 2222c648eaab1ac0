"""The profile `benchmark-study`: a benchmark, several models, many checkpoints, many metrics."""

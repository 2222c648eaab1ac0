"""A recipe's stages: planned, run, resumed, recorded."""

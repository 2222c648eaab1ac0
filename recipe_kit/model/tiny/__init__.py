"""The embedded base model: a small, real Qwen3-VL that runs anywhere."""

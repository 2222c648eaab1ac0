"""Questions of a benchmark, and the answers read from what a model says."""

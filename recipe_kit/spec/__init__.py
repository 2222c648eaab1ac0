"""YAML → a frozen, typed spec; every error with file, line and column."""

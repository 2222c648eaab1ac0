"""Ask a model questions: in this process."""

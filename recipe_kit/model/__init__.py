"""Load a checkpoint, and run it over pictures and questions."""

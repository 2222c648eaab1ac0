"""recipe_kit turns one YAML file into a fine-tuning run and its published cookbook page."""

__version__ = "0.4.0"

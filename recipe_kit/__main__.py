"""`python -m recipe_kit` is `recipe`."""

from recipe_kit.cli import main

if __name__ == "__main__":
    main(prog_name="recipe")

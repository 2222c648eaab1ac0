"""MkDocs hook: keeps the recipes' pages, their list and the navigation in step with the files.

Before each build every recipe that has a record is rendered again; a file is only written if its
bytes change, so `mkdocs serve` does not rebuild for ever. An error in one recipe is logged (which
a strict build turns into a failure) and leaves that recipe's page as it was.
"""

import logging
import time
from pathlib import Path
from typing import Any

from recipe_kit.errors import RecipeError
from recipe_kit.page.listing import navigation, write_listing
from recipe_kit.page.render import render
from recipe_kit.paths import templates_dir
from recipe_kit.record.store import read_record
from recipe_kit.spec.load import load_recipe

log = logging.getLogger("mkdocs.hooks.recipe_kit")


def on_pre_build(config: Any) -> None:
    """Renders what has changed, writes the list of recipes, and sets the navigation."""
    root = Path(config["config_file_path"]).parent
    docs = Path(config["docs_dir"])
    for path in sorted((root / "recipes").glob("*.yaml")):
        _render_one(path, root, docs)
    write_listing(docs)
    config["nav"] = navigation(docs)


def on_serve(server: Any, config: Any, **_: Any) -> Any:
    """Also watches the recipes and the templates."""
    root = Path(config["config_file_path"]).parent
    for folder in (root / "recipes", templates_dir()):
        if folder.is_dir():
            server.watch(str(folder))
    return server


def _render_one(path: Path, root: Path, docs: Path) -> None:
    started = time.monotonic()
    try:
        recipe = load_recipe(path)
        out = docs / "recipes" / recipe.slug
        run = root / "runs" / recipe.slug
        found = [place for place in (run, out / "assets") if (place / "record.json").is_file()]
        if not found:
            log.info("%s has no record yet: `recipe run %s` makes one", path.name, path)
            return
        record = read_record(found[0] / "record.json")
        media = run / "media" if found[0] == run else None
        render(record, recipe, media=media, out=out, recipe_path=path, redraw=False)
    except (RecipeError, OSError) as error:
        log.error("%s: its page was not rendered again\n%s", path.name, error)
        return
    log.info("Rendered %s in %.1f s", recipe.slug, time.monotonic() - started)

"""A process that feeds a training with the help of others, until it is stopped.

    python feeding.py: prints the ids of its helpers when they read.

Its helpers import this module too, but not what only `main` needs.
"""

import psutil
from bad_media import Reading


def main() -> None:
    from small_model import recipe, samples, small_model

    from recipe_kit.train.feed import Feed
    from recipe_kit.train.plan import make_plan

    spec = recipe(batch_size=2, epochs=1000)
    feed = Feed(
        small_model(), Reading(seconds=0.05), spec.train.augment, seed=0, system=None, workers=2
    )
    for number, _ in enumerate(feed.windows(make_plan(spec, samples(9), {}), 0, 2)):
        if number == 0:
            children = psutil.Process().children(recursive=True)
            print(*(child.pid for child in children), flush=True)


if __name__ == "__main__":
    main()

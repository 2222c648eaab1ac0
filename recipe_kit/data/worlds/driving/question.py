"""What a question about driving clips is.

Every question is answered by one label. `options` says how each of its values reads; further
`decoys` are never right. Words in an option are true or false of the whole clip unless the
question says otherwise.
"""

from dataclasses import dataclass

from recipe_kit.data.worlds.driving.labels import Labels


@dataclass(frozen=True)
class PoolQuestion:
    """A question that may be asked of a clip."""

    name: str
    category: str
    text: str
    label: str
    """The label that answers it."""
    options: tuple[tuple[str, str], ...]
    """(value of the label, how it reads)."""
    decoys: tuple[str, ...] = ()
    """Options that are never right."""
    required: bool = False
    unless: tuple[str, ...] = ()
    """Values of the label for which the question has no clear answer."""
    usual: str = ""
    """The value of most clips: the question is then asked less often, so that it cannot be
    answered well without looking."""

    def value(self, labels: Labels) -> str:
        """The label's value as the options name it; large numbers count as the largest option."""
        value = labels[self.label]
        if isinstance(value, int):
            return str(min(value, max(int(name) for name, _ in self.options)))
        return value

    def applies(self, labels: Labels) -> bool:
        """Has the question a clear answer for this clip."""
        return self.value(labels) not in self.unless


def ask(category: str, name: str, text: str, label: str, options: dict[str, str], *decoys: str,
         required: bool = False, unless: tuple[str, ...] = (), usual: str = "") -> PoolQuestion:
    """A question; the right options by value, then the decoys."""
    return PoolQuestion(name, category, text, label, tuple(options.items()), decoys, required,
                        unless, usual)


COLORS = {name: name.capitalize() for name in ("white", "black", "red", "blue", "yellow", "green")}
COUNTS = {"0": "None", "1": "One", "2": "Two", "3": "Three or more"}
KINDS = {"none": "There is none", "car": "A car", "truck": "A truck", "bus": "A bus"}
WAYS = {"none": "Nobody crosses", "left to right": "From left to right",
         "right to left": "From right to left"}  # fmt: skip

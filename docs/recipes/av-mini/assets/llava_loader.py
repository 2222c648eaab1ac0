"""Load training data in LLaVA JSON, as messages that a vision-language model's processor takes.

    python llava_loader.py train.json --media images

Needs Pillow and nothing else. Videos are checked to be there and handed on by their path.
"""

import argparse
import base64
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

from PIL import Image

ROLES = {"human": "user", "gpt": "assistant"}


class LlavaDataset:
    """Conversations about pictures and videos: `dataset[0]`, `len(dataset)`, or a `for` loop."""

    def __init__(self, path: Path, media: Path) -> None:
        self.entries = json.loads(path.read_text(encoding="utf-8"))
        self.media = media

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """The conversation's id and its messages, with the pictures (RGB) in them."""
        entry = self.entries[index]
        waiting = {}
        if "image" in entry or "picture" in entry:
            waiting["<image>"] = {"type": "image", "image": self.picture(entry)}
        if "video" in entry:
            path = self.media / entry["video"]
            if not path.is_file():
                raise FileNotFoundError(f"there is no {path}")
            waiting["<video>"] = {"type": "video", "video": str(path)}
        # A picture whose place is not marked stands before the first text.
        first = entry["conversations"][0]["value"]
        marks = "".join(f"{mark}\n" for mark in waiting if mark not in first)
        messages = []
        for number, turn in enumerate(entry["conversations"]):
            said = marks + turn["value"] if number == 0 else turn["value"]
            content = []
            for piece in re.split(r"(<image>\n?|<video>\n?)", said):
                if piece.strip() in waiting:
                    content.append(waiting.pop(piece.strip()))
                elif piece:
                    content.append({"type": "text", "text": piece})
            messages.append({"role": ROLES[turn["from"]], "content": content})
        return {"id": entry["id"], "messages": messages}

    def picture(self, entry: dict[str, Any]) -> Image.Image:
        """The picture of an entry: the bytes in it, or the file it names."""
        source: Any = (
            io.BytesIO(base64.b64decode(entry["picture"]))
            if "picture" in entry
            else self.media / entry["image"]
        )
        with Image.open(source) as image:
            return image.convert("RGB")


def main() -> None:
    """Load everything once, and show the first conversation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="the LLaVA JSON file")
    parser.add_argument("--media", type=Path, default=Path(), help="folder of pictures and videos")
    arguments = parser.parse_args()
    dataset = LlavaDataset(arguments.path, arguments.media)
    for index in range(len(dataset)):
        try:
            loaded = dataset[index]
        except (OSError, KeyError, ValueError) as error:
            sys.exit(f"{arguments.path} (item {index + 1}): {error}")
        if index == 0:
            print(f"{loaded['id']}:")
            for message in loaded["messages"]:
                for part in message["content"]:
                    print(f"  {message['role']}: {part[part['type']]}")
    print(f"{len(dataset)} conversations, all loaded")


if __name__ == "__main__":
    main()

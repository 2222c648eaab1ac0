"""Times, the rows of the table, and what they were measured on."""

import json
import os
import statistics
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch


def sync(device: torch.device) -> None:
    """Wait for everything that was given to the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(what: Callable[[], Any], device: torch.device, *, turns: int = 5) -> float:
    """Median seconds of several turns, after one that does not count."""
    what()
    taken = []
    for _ in range(turns):
        sync(device)
        started = time.perf_counter()
        what()
        sync(device)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def ceiling(device: torch.device) -> float:
    """Operations a second of a matrix product of 8192³ in bfloat16, random values, median of 20.

    On a CPU, where this is only tried out, 512³ in float32.
    """
    side = 8192 if device.type == "cuda" else 512
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / seconds_of(lambda: left @ right, device, turns=20)


def memory(device: torch.device) -> float:
    """Most memory of the device so far, in gigabytes; 0 on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0


def machine(device: torch.device) -> dict[str, Any]:
    """What a figure depends on."""
    found = {"date": datetime.now(UTC).date().isoformat(), "device": "CPU"}
    if device.type == "cuda":
        found["device"] = torch.cuda.get_device_name(device)
        found["CUDA"] = str(torch.version.cuda)
    for name in ("torch", "transformers", "peft"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


class Report:
    """Rows of one part for one size; each is printed and written as soon as it is measured.

    Args:
        part: Name of the part.
        size: Name of the model.
        device: What it runs on.
        out: Folder that gets `PART-SIZE.json`; nothing is written without it.
        seconds: How long the part may take; steps that would begin later are left out.
    """

    def __init__(
        self, part: str, size: str, device: torch.device, out: Path | None, seconds: float,
    ) -> None:
        self.part, self.size, self.device = part, size, device
        self._path = None if out is None else out / f"{part}-{size}.json"
        self._started, self._seconds = time.monotonic(), seconds
        self._rows: list[dict[str, Any]] = []
        self._facts: dict[str, Any] = {}
        self._left_out: dict[str, str] = {}
        self._speaks = os.environ.get("RANK", "0") == "0"

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._seconds - (time.monotonic() - self._started)

    def add(self, what: str, measured: str, *, bar: str = "", **numbers: Any) -> None:
        """A row: what, the bar (empty for a baseline), the figure in words, and as numbers."""
        row = {"what": what, "bar": bar, "measured": measured, "numbers": numbers}
        self._rows.append(row)
        self._say(f"| {self.size} | {what} | {bar or '–'} | {measured} |")
        self._write()

    def fact(self, **facts: Any) -> None:
        """Something that the figures depend on."""
        self._facts |= facts
        self._say("  " + ", ".join(f"{key}: {value}" for key, value in facts.items()))
        self._write()

    def step(self, name: str, what: Callable[[], Any], *, needs: float = 0.0) -> Any:
        """Do one step; when it fails, say so and go on.

        Args:
            name: What it is called in the report.
            what: Does it.
            needs: Seconds without which it is not begun.
        """
        if self.left < needs or self.left <= 0:
            self._leave_out(name, f"no time left: {self.left:.0f} s of {self._seconds:.0f} s")
            return None
        started = time.monotonic()
        try:
            return what()
        except Exception as error:  # one that fails must not cost what comes after it
            traceback.print_exc()
            self._leave_out(name, f"{type(error).__name__}: {str(error)[:400]}")
            del error
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            return None
        finally:
            self._say(f"  [{name}: {time.monotonic() - started:.1f} s]")

    def _leave_out(self, name: str, why: str) -> None:
        self._left_out[name] = why
        self._say(f"| {self.size} | {name} | – | not measured: {why} |")
        self._write()

    def _say(self, line: str) -> None:
        """Of several processes, only the first speaks."""
        if self._speaks:
            print(line, flush=True)

    def _write(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "part": self.part, "size": self.size, "machine": machine(self.device),
            "facts": self._facts, "rows": self._rows, "left_out": self._left_out,
        }
        self._path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")

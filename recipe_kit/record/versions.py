"""What is installed here, and what kind of machine this is."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """Versions of the packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """System, processor and cores; nothing that names a person or a folder."""
    parts = [f"{platform.system()} {platform.machine()}", f"{os.cpu_count()} cores", _processor()]
    return ", ".join(part for part in parts if part)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return " ".join(next(names, "").replace("(R)", "").replace("(TM)", "").split())

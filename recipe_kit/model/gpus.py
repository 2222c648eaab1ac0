"""What some GPUs can do, by their makers' datasheets; imports no torch.

Peaks are of dense products in bfloat16 with sums in float32: datasheets of NVIDIA mostly print
twice as much, which holds only where half of the weights are zero. A share of the peak that is
reached is always said of this number.
"""

import re
from typing import NamedTuple

from recipe_kit.errors import SpecError

PRICED = "2026-05"
"""When the prices were typical of providers that rent out single GPUs. They differ by a factor of
three between providers and fall from year to year: an assumption, not a quotation."""


class Gpu(NamedTuple):
    """One kind of GPU."""

    name: str
    """As it is asked for: `--gpu H200`."""
    pattern: str
    """Of the name that torch gives it (`torch.cuda.get_device_name`)."""
    gigabytes: float
    tflops: float
    """Peak of dense bfloat16 products, in TFLOP/s."""
    gigabytes_per_second: float
    """Of its memory."""
    dollars_per_hour: float
    """Typical, at the time of `PRICED`."""


GPUS = (
    Gpu("B200", r"\bB200\b", 180, 2250, 8000, 5.50),
    Gpu("H200-NVL", r"\bH200 NVL\b", 141, 836, 4800, 3.50),
    Gpu("H200", r"\bH200\b", 141, 989, 4800, 3.80),
    Gpu("H100-NVL", r"\bH100 NVL\b", 94, 835, 3900, 2.80),
    Gpu("H100-PCIe", r"\bH100 PCIe\b", 80, 756, 2000, 2.40),
    Gpu("H100", r"\bH100\b", 80, 989, 3350, 3.00),
    Gpu("A100-80GB", r"\bA100\b.*\b80GB", 80, 312, 1935, 1.40),
    Gpu("A100-40GB", r"\bA100\b", 40, 312, 1555, 1.20),
    Gpu("L40S", r"\bL40S\b", 48, 362, 864, 0.90),
    Gpu("L4", r"\bL4\b", 24, 121, 300, 0.60),
    Gpu("RTX-4090", r"\bRTX 4090\b(?! (?:D|Laptop))", 24, 165, 1008, 0.40),
)
"""The first one whose pattern is in torch's name is meant."""


def gpu_called(device_name: str) -> Gpu | None:
    """The GPU that torch calls so; None for one that the table does not know, or a CPU."""
    return next((one for one in GPUS if re.search(one.pattern, device_name)), None)


def gpu_named(asked: str) -> Gpu:
    """The GPU that a person names, in upper or lower case, with or without hyphens.

    Raises:
        SpecError: The table does not know it.
    """
    plain = {_plain(one.name): one for one in GPUS}
    found = plain.get(_plain(asked)) or gpu_called(asked)
    if found is None:
        raise SpecError(
            f"no GPU named {asked!r} is known", where="--gpu",
            fix=f"Name one of: {', '.join(one.name for one in GPUS)}.",
        )
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())

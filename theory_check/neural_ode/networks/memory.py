"""Refuse a computation that would not fit, with both numbers, before anything is allocated."""

import psutil
import torch

GIB = 2**30

# Below this size the question costs more than the answer is worth (psutil reads /proc).
_ALWAYS_ALLOWED = 2**26


class MemoryShortage(MemoryError, ValueError):
    """More memory is needed than is available. The message shows both, in GiB."""


def require_memory(bytes_needed: int, what: str, *, device: torch.device | str = "cpu") -> None:
    """Raise before an allocation that cannot succeed.

    Args:
        bytes_needed: size of everything about to be allocated, in bytes.
        what: what it is for, as it should read in the message.
        device: where it will be allocated.

    Raises:
        MemoryShortage: more is needed than the device has available now.
    """
    if bytes_needed <= _ALWAYS_ALLOWED:
        return
    place = torch.device(device)
    available = torch.cuda.mem_get_info(place)[0] if place.type == "cuda" else psutil.virtual_memory().available
    if bytes_needed > available:
        raise MemoryShortage(
            f"{what} needs {bytes_needed / GIB:.2f} GiB, {available / GIB:.2f} GiB are available on {place}: "
            "use a smaller width, fewer inputs or fewer steps"
        )

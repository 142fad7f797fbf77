"""The device a computation is asked to run on, or one clear line when it is not there."""

import torch


def require_device(device: torch.device | str) -> torch.device:
    """The device itself.

    Raises:
        ValueError: torch does not know it, or this machine does not have it.
    """
    try:
        known = torch.device(device)
        torch.empty(0, device=known)
    except (RuntimeError, AssertionError) as error:  # torch asserts when it was built without the device's backend
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise ValueError(f"device {str(device)!r} cannot be used, try 'cpu': {reason}") from error
    return known

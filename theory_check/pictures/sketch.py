"""A picture that is still to be made: only once a case has been judged, and never at the cost of its verdict."""

import warnings
from collections.abc import Callable

from theory_check.pictures.picture import Picture

Sketch = Callable[[], Picture | None]


class PictureMissing(UserWarning):
    """A picture could not be made; the verdict of its case stands. An error wherever warnings are errors."""


def finished(sketch: Picture | Sketch | None) -> tuple[Picture | None, str]:
    """The picture, and in one line why there is none if making it failed.

    Warns:
        PictureMissing: making it failed.
    """
    if not callable(sketch):
        return sketch, ""
    try:
        return sketch(), ""
    except Exception as problem:  # noqa: BLE001 - whatever a sketch raises, the case is judged already
        reason = " ".join(f"{type(problem).__name__}: {problem}".split())
        warnings.warn(f"a picture could not be made: {reason}", PictureMissing, stacklevel=3)
        return None, reason

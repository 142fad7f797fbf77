"""Which cases a search takes, so that the classes of every dimension are covered by count."""

from collections.abc import Mapping

# Draws to wait for a case whose classes are lacking in every dimension, then in all but one; then any will do.
PATIENCE = 10


class Coverage:
    """Which cases a search still takes, so that its cases fall evenly into the classes of every dimension.

    Args:
        cases: how many it will take.
        enumerated: the dimensions, and the classes of each.
        offset: rotates the classes, so that searches too short for all of them differ.
    """

    def __init__(self, cases: int, enumerated: Mapping[str, tuple[str, ...]], offset: int) -> None:
        self._left: dict[str, dict[str, int]] = {}
        for dimension, classes in enumerated.items():
            rotated = [classes[(offset + k) % len(classes)] for k in range(cases)]
            self._left[dimension] = {name: rotated.count(name) for name in classes}
            # The next dimension turns once for every turn of this one: all combinations come up in the end.
            offset //= len(classes)
        self._seen: dict[str, set[str]] = {dimension: set() for dimension in enumerated}
        self._waited = 0

    def takes(self, classes: Mapping[str, str]) -> bool:
        """Whether a case of these classes, one for each dimension, is one of those still wanted; counts it if so.

        Where draws do not produce the classes that are wanted (every width of a claim may be 8), a dimension in which
        they have shown one class only is given up.
        """
        for dimension, name in classes.items():
            self._seen[dimension].add(name)
        full = sum(left[classes[dimension]] <= 0 for dimension, left in self._left.items())
        if full > self._waited // PATIENCE and self._waited < 2 * PATIENCE:
            self._waited += 1
            return False
        if full:
            self._left = {d: left for d, left in self._left.items() if len(self._seen[d]) > 1}
        for dimension, left in self._left.items():
            left[classes[dimension]] -= 1
        self._waited = 0
        return True

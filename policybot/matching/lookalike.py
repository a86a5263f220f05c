"""Names that look the same: one key for all ways to write what reads as one name."""

import disarm

_ALIKE = (("i\u0307", "i"), ("i", "l"), ("rn", "m"), ("vv", "w"), (" ", ""))
"""What looks the same beyond single letters. A capital I is an l to the eye and an i to whoever folds
case, so the three are one. The pairs are those of Unicode's confusables.txt."""


def skeleton(text: str) -> str:
    """Give the key of a name: the skeleton of UTS 39, without case, spaces and what is not seen.

    Two names look the same if their keys are equal. The key is for comparing, never for showing.
    """
    key = disarm.skeleton_key(text, digit_policy="tr39")
    for written, seen in _ALIKE:
        key = key.replace(written, seen)
    return key

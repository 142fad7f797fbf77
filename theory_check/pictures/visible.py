"""Text of anybody's in which every character shows."""

import unicodedata


def visible(text: str) -> str:
    """Control, format and surrogate characters, noncharacters and line breaks as Python escapes; all else as it is."""
    if text.isprintable():  # the rule, and fast: what is printable has none of these
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} or _is_noncharacter(ord(character))
        else character
        for character in text
    )


def _is_noncharacter(code: int) -> bool:
    """One of the 66 that Unicode assigns to nothing, for ever; HTML forbids them."""
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF

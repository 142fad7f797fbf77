"""Colours of pictures: custom properties where a page decides, with one concrete palette for each mode.

Six colours that stay apart under protanopia, deuteranopia and tritanopia (after Okabe and Ito, darkened for a white
ground); markers and dashes tell series apart where colours do not.
"""

from typing import Literal

Mode = Literal["light", "dark"]

# What matplotlib draws with; no picture uses these by chance, and each is exchanged afterwards.
SENTINELS = {
    "#010203": "ink",
    "#010204": "grid",
    "#010205": "paper",
    "#010211": "series-1",
    "#010212": "series-2",
    "#010213": "series-3",
    "#010214": "series-4",
    "#010215": "series-5",
    "#010216": "series-6",
}
NAMED = {name: sentinel for sentinel, name in SENTINELS.items()}
SERIES = tuple(NAMED[f"series-{k}"] for k in range(1, 7))

COLOURS: dict[Mode, dict[str, str]] = {
    "light": {
        "ink": "#1a1a1a",
        "grid": "#d5d5d5",
        "paper": "#ffffff",
        "series-1": "#0065a3",
        "series-2": "#c14a00",
        "series-3": "#00795a",
        "series-4": "#a3458a",
        "series-5": "#7c6200",
        "series-6": "#4a4a4a",
    },
    "dark": {
        "ink": "#e8e8e8",
        "grid": "#454545",
        "paper": "#161616",
        "series-1": "#5cb8ee",
        "series-2": "#ff9350",
        "series-3": "#2fcb9b",
        "series-4": "#e79cc8",
        "series-5": "#e4c64c",
        "series-6": "#c9c9c9",
    },
}


def colour_properties(mode: Mode) -> str:
    """The declarations `--name: colour;` that a page puts into its `:root` for a mode."""
    return " ".join(f"--{name}: {colour};" for name, colour in COLOURS[mode].items())


def custom_property(name: str) -> str:
    """The colour as the page defines it; a page that defines none shows the light palette, text in its own colour."""
    return "var(--ink, currentColor)" if name == "ink" else f"var(--{name}, {COLOURS['light'][name]})"

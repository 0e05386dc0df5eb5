"""
The diagrams of these pages, each made from the thing that the code goes by.

`python docs/diagrams.py` writes them anew; a test fails where a file and what it is made from differ.
"""

import ast
import re
import textwrap
import tomllib
from pathlib import Path

from pointsledger.domain.holds import HOLD_TRANSITIONS

PAGES = Path(__file__).parent
SOURCE = PAGES.parent / "src" / "pointsledger"
BLUE, PALE, GREY = "#1f4e79", "#eef3f8", "#374151"


def drawn() -> dict[str, str]:
    """
    Return each diagram by its file's place among the pages.
    """
    return {"reference/holds.svg": holds(), "explanation/layers.svg": layers()}


# --- the states of a hold, from the table that the ledger decides by -------------------------------------------------

EVENTS = {"capture": "capture", "release": "release", "cancel": "cancel of the order", "deadline": "the deadline"}
STATE_ROW = 84


def holds() -> str:
    """
    Return the first state on the left, and an arrow for each event to the state that it leads to.
    """
    events: dict[str, list[str]] = {}
    for (_, event), target in HOLD_TRANSITIONS.items():
        events.setdefault(target, []).append(EVENTS[event])
    height = STATE_ROW * len(events) + 20
    middle = height / 2
    parts = [
        f'<circle cx="16" cy="{middle:g}" r="7" fill="{BLUE}"/>',
        _arrow(24, middle, 118, middle),
        _label(70, middle - 10, "hold"),
        _state(120, middle, "held"),
    ]
    for row, (target, names) in enumerate(events.items()):
        y = STATE_ROW * row + STATE_ROW / 2 + 10
        parts += [
            _arrow(230, middle, 518, y),
            _label(390, middle + (y - middle) * 0.55 - 10, " or ".join(names)),
            _state(520, y, target),
        ]
    return _picture("The states of a hold", 660, height, parts)


def _state(x: float, y: float, name: str) -> str:
    return _box(x, y - 20, 110, 40) + f'<text x="{x + 55:g}" y="{y + 5:g}" text-anchor="middle">{name}</text>'


# --- the layers, from the contract on imports ------------------------------------------------------------------------

LEFT, WIDTH, GAP = 60, 700, 12
NAME, LINE = 34, 16
"""What a module's name takes of its box, and each line of its sentence."""


def layers() -> str:
    """
    Return the layers of the contract, the highest on top, each module with the sentence that its docstring begins with.
    """
    boxes: list[str] = []
    y = GAP
    for modules in layers_of_contract():
        width = (WIDTH + GAP) / len(modules) - GAP
        sentences = [textwrap.wrap(_sentence_of(module), int(width / 6.4)) for module in modules]
        height = NAME + LINE * max(map(len, sentences))
        for column, (module, lines) in enumerate(zip(modules, sentences, strict=True)):
            x = LEFT + column * (width + GAP)
            boxes += [_box(x, y, width, height), *_module(x + width / 2, y, module, lines)]
        y += height + GAP
    side = [
        _arrow(24, GAP, 24, y - GAP),
        f'<text transform="translate(36 {y / 2:g}) rotate(90)" text-anchor="middle" fill="{GREY}">imports</text>',
    ]
    return _picture("The layers: each imports only from those below it", LEFT + WIDTH + GAP, y, side + boxes)


def layers_of_contract() -> list[list[str]]:
    """
    Return the modules of each layer, the highest first, as `pyproject.toml` has them.
    """
    settings = tomllib.loads((PAGES.parent / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    return [re.split(r"\s*\|\s*", layer) for layer in contract["layers"]]


def _module(x: float, y: float, name: str, lines: list[str]) -> list[str]:
    return [
        f'<text x="{x:g}" y="{y + 21:g}" text-anchor="middle" font-weight="bold">{name}</text>',
        *(
            f'<text x="{x:g}" y="{y + 22 + LINE * number:g}" text-anchor="middle" font-size="12" fill="{GREY}">'
            f"{line}</text>"
            for number, line in enumerate(lines, 1)
        ),
    ]


def _sentence_of(module: str) -> str:
    """
    Return the first sentence of a module's docstring, without the name that it may begin with and without marks.
    """
    path = SOURCE / f"{module}.py"
    found = ast.get_docstring(
        ast.parse((path if path.exists() else SOURCE / module / "__init__.py").read_text("utf-8"))
    )
    assert found
    sentence = found.split(".\n")[0].replace("\n", " ").rstrip(".").replace("`", "")
    return re.sub(r"^(The )?\w+( line)?: ", "", re.sub(r" \(R-\d+\)", "", sentence))


# --- what both are drawn with ----------------------------------------------------------------------------------------


def _picture(title: str, width: float, height: float, parts: list[str]) -> str:
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" font-size="15">',
        "<style>text { font-family: sans-serif }</style>",
        f"<title>{title}</title>",
        '<defs><marker id="arrow" viewBox="0 0 9 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">',
        f'<path d="M0 0L9 5L0 10z" fill="{BLUE}"/></marker></defs>',
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


def _box(x: float, y: float, width: float, height: float) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8" fill="{PALE}" stroke="{BLUE}"/>'


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{BLUE}" fill="none" marker-end="url(#arrow)"/>'


def _label(x: float, y: float, text: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" fill="{GREY}" stroke="#fff" stroke-width="4" '
        f'paint-order="stroke">{text}</text>'
    )


if __name__ == "__main__":
    for place, picture in drawn().items():
        (PAGES / place).write_text(picture, encoding="utf-8")

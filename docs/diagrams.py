"""
The diagram of a hold's states, made from the table that the ledger decides by.

`python docs/diagrams.py` writes it anew; a test fails where the file and the table differ.
"""

from pathlib import Path

from pointsledger.domain.holds import HOLD_TRANSITIONS

TARGET = Path(__file__).parent / "reference" / "holds.svg"
EVENTS = {"capture": "capture", "release": "release", "cancel": "cancel of the order", "deadline": "the deadline"}
WIDTH, ROW = 660, 84


def svg() -> str:
    """
    Return the diagram: the first state on the left, an arrow for each event to the state that it leads to.
    """
    events: dict[str, list[str]] = {}
    for (_, event), target in HOLD_TRANSITIONS.items():
        events.setdefault(target, []).append(EVENTS[event])
    height = ROW * len(events) + 20
    middle = height / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" font-size="15">',
        "<style>text { font-family: sans-serif }</style>",
        "<title>The states of a hold</title>",
        '<defs><marker id="arrow" viewBox="0 0 9 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">',
        '<path d="M0 0L9 5L0 10z" fill="#1f4e79"/></marker></defs>',
        f'<circle cx="16" cy="{middle:g}" r="7" fill="#1f4e79"/>',
        _arrow(24, middle, 118, middle),
        _label(70, middle - 10, "hold"),
        _box(120, middle, "held"),
    ]
    for row, (target, names) in enumerate(events.items()):
        y = ROW * row + ROW / 2 + 10
        parts += [
            _arrow(230, middle, 518, y),
            _label(390, middle + (y - middle) * 0.55 - 10, " or ".join(names)),
            _box(520, y, target),
        ]
    return "\n".join([*parts, "</svg>", ""])


def _box(x: float, y: float, name: str) -> str:
    return (
        f'<rect x="{x:g}" y="{y - 20:g}" width="110" height="40" rx="8" fill="#eef3f8" stroke="#1f4e79"/>'
        f'<text x="{x + 55:g}" y="{y + 5:g}" text-anchor="middle">{name}</text>'
    )


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="#1f4e79" fill="none" marker-end="url(#arrow)"/>'


def _label(x: float, y: float, text: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" fill="#374151" stroke="#fff" stroke-width="4" '
        f'paint-order="stroke">{text}</text>'
    )


if __name__ == "__main__":
    TARGET.write_text(svg(), encoding="utf-8")

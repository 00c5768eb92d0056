"""Plot time over work: ``python docs/plot_performance.py`` reads what ``speed.py --fit`` wrote."""

import json
from pathlib import Path

import numpy as np

DOCS = Path(__file__).parent
WIDTH, HEIGHT, MARGIN = 640, 420, 60
#: Ranges of both logarithmic axes: megapixels times planes, and seconds.
WORK, SECONDS = (0.5, 300), (1, 200)
COLOURS = ("#1b7837", "#5aae61", "#9970ab", "#762a83", "#40004b")


def place(value: float, limits: tuple[float, float], start: float, stop: float) -> float:
    """Return where a value lies on a logarithmic axis, px."""
    low, high = np.log(limits)
    return start + (stop - start) * (np.log(value) - low) / (high - low)


def at(work: float, seconds: float) -> tuple[float, float]:
    """Return where a point lies in the picture, px."""
    x = place(work, WORK, MARGIN, WIDTH - 20)
    return x, place(seconds, SECONDS, HEIGHT - MARGIN, 20)


def text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    """Return words at a place."""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>'


def plot(measured: dict) -> str:
    """Return the plot as SVG."""
    left, bottom = at(WORK[0], SECONDS[0])
    right, top = at(WORK[1], SECONDS[1])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#333"/>',
        text((left + right) / 2, HEIGHT - 15, "planes x megapixels"),
        text(20, top - 5, "seconds", "start"),
    ]
    for work in (1, 3, 10, 30, 100, 300):
        parts.append(text(at(work, 1)[0], bottom + 20, f"{work}"))
    for seconds in (1, 3, 10, 30, 100):
        parts.append(text(left - 8, at(1, seconds)[1] + 4, f"{seconds}", "end"))
    start, slope = measured["start_s"], measured["s_per_megapixel_plane"]
    line = [at(work, start + slope * work) for work in np.geomspace(*WORK, 80)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in line if y >= top)
    parts.append(f'<polyline points="{points}" fill="none" stroke="#999"/>')
    sizes = sorted({point["megapixels"] for point in measured["points"]})
    for point in measured["points"]:
        x, y = at(point["megapixels"] * point["planes"], point["s"])
        colour = COLOURS[sizes.index(point["megapixels"]) % len(COLOURS)]
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    for number, size in enumerate(sizes):
        y = top + 20 + 20 * number
        parts.append(f'<circle cx="{left + 25}" cy="{y - 4}" r="4" fill="{COLOURS[number]}"/>')
        parts.append(text(left + 35, y, f"{size:g} megapixels", "start"))
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    figures = json.loads((DOCS / "performance.json").read_text())
    (DOCS / "images" / "performance.svg").write_text(plot(figures))

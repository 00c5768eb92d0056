"""Plot how long a fusion takes: ``python docs/make_plot.py``.

``python benchmarks/speed.py --fit docs/performance.json`` measures what is plotted.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

DOCS = Path(__file__).parent


def main() -> None:
    """Write docs/images/performance.png."""
    measured = json.loads((DOCS / "performance.json").read_text())
    start_s, slope = measured["start_s"], measured["s_per_megapixel_plane"]
    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    points = measured["points"]
    for megapixels in sorted({point["megapixels"] for point in points}):
        of_size = [point for point in points if point["megapixels"] == megapixels]
        work = [megapixels * point["planes"] for point in of_size]
        axes.plot(work, [point["s"] for point in of_size], "o", label=f"{megapixels:g} megapixels")
    all_work = [point["megapixels"] * point["planes"] for point in points]
    line = np.geomspace(min(all_work), max(all_work))
    fitted = f"{start_s:.1f} s + {slope:.2f} s per megapixel and plane"
    axes.plot(line, start_s + slope * line, color="grey", label=fitted)
    axes.set(xscale="log", yscale="log", xlabel="megapixels x planes", ylabel="seconds")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(DOCS / "images" / "performance.png", dpi=120)


if __name__ == "__main__":
    main()

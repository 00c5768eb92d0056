"""Scores as tables: means, text, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    #: Figures of one image of one case by column.
    Row = dict[str, float | str]


def mean_rows(rows: list[Row]) -> list[Row]:
    """Return a row per image with the mean of each column over the cases that have the figure."""
    means: list[Row] = []
    for name in dict.fromkeys(row["image"] for row in rows):
        of_image = [row for row in rows if row["image"] == name]
        columns = dict.fromkeys(
            key for row in of_image for key in row if key not in ("case", "image")
        )
        mean: Row = {"case": "mean", "image": name}
        for column in columns:
            mean[column] = float(np.mean([row[column] for row in of_image if column in row]))
        means.append(mean)
    return means


def columns_of(rows: list[Row]) -> list[str]:
    """Return the columns that any row has, in the order of their first use."""
    return list(dict.fromkeys(key for row in rows for key in row))


def table(rows: list[Row]) -> str:
    """Return rows as aligned text, one line each, below the names of the columns."""
    columns = columns_of(rows)
    cells = [columns] + [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    )


def _cell(value: float | str | None) -> str:
    """Return a value as text; a dash if it is missing."""
    return "-" if value is None else value if isinstance(value, str) else f"{value:.3f}"


def as_json(rows: list[Row]) -> str:
    """Return rows as JSON; infinite values and NaN, which JSON lacks, become text."""
    plain = [
        {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        for row in rows
    ]
    return json.dumps(plain, indent=2)


def as_csv(rows: list[Row]) -> str:
    """Return rows as comma-separated values, below the names of the columns."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns_of(rows), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

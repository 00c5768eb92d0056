"""The names of the shapes of the PSF; light enough for what only offers them as choices."""

from __future__ import annotations

from typing import Literal, get_args

#: :data:`napari_focusstack.imaging.kernels.KERNELS` holds the kernel of each.
PsfShape = Literal["gaussian", "disk"]
#: ``auto`` takes the shape that explains the planes best.
PsfShapeChoice = Literal["auto", PsfShape]
PSF_SHAPE_CHOICES: tuple[PsfShapeChoice, ...] = get_args(PsfShapeChoice)

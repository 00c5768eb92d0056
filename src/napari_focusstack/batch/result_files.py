"""The result files of one stack. To be cropped, they are written once it is known what is shown."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.io.writing.result_file import result_file
from napari_focusstack.io.writing.result_scratch import ScratchResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from napari_focusstack.io.writing.result import Result, ResultForm
    from napari_focusstack.runtime.region import Region

#: Outputs: names of attributes of a :class:`~napari_focusstack.fusion.result.FusionResult`.
Output = Literal["image", "initial", "source", "labels", "depth", "confidence"]


class ResultFiles:
    """Files by output; they appear at the end of the block, on an error none does.

    Parameters
    ----------
    paths : mapping of str to Path
        Files to write.
    forms : mapping of str to ResultForm
        Their forms; there may be others.
    crop : bool
        Whether they are cut to what all planes show, at all time points and in all channels.

    Raises
    ------
    InputError
        If a file cannot be written.
    """

    def __init__(
        self, paths: Mapping[Output, Path], forms: Mapping[Output, ResultForm], *, crop: bool
    ) -> None:
        self._paths, self._forms, self._crop = paths, forms, crop
        self._opened = contextlib.ExitStack()
        self._files: dict[Output, Result] = {}
        self._whole: dict[Output, ScratchResult] = {}
        self._valid = np.ones((), bool)

    def __enter__(self) -> Self:
        """Open the files."""
        with contextlib.ExitStack() as opened:
            for name, path in self._paths.items():
                form = self._forms[name]
                if self._crop:
                    _check(path, form)
                    self._whole[name] = opened.enter_context(ScratchResult(form))
                else:
                    self._files[name] = opened.enter_context(result_file(path, form))
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the files into place, or leave none."""
        self._opened.__exit__(kind, error, trace)

    def write(self, name: Output, pixels: np.ndarray, at: Mapping[str, int]) -> None:
        """Write a plane of an output, at an index by letter of the leading axes."""
        files = self._whole if self._crop else self._files
        files[name].write(pixels.astype(self._forms[name].dtype, copy=False), at=at)

    def narrow(self, valid: np.ndarray) -> None:
        """Note the pixels (Y, X) that all planes of one time point and channel show."""
        self._valid = self._valid & valid

    def cut(self) -> Region | None:
        """Cut what was written, if it is to be cropped; return the rows and columns that are kept.

        Raises
        ------
        InputError
            If all planes share no pixel.
        """
        from napari_focusstack.fusion.result import crop_region

        if not self._crop:
            return None
        region = crop_region(self._valid)
        for name, scratch in self._whole.items():
            file = result_file(self._paths[name], self._forms[name].cropped(region))
            self._files[name] = self._opened.enter_context(file)
            scratch.write_to(self._files[name], region)
        return region

    def put_record(self, record: Mapping[str, Any]) -> None:
        """Give all files the record."""
        for file in self._files.values():
            file.record = record


class _Tried(Exception):
    """A file can be opened; nothing is to be written."""


def _check(path: Path, form: ResultForm) -> None:
    """Raise InputError if a file cannot be written, before minutes of work."""
    with contextlib.suppress(_Tried), result_file(path, form):
        raise _Tried

"""What a fusion estimated, in a form that a file of labels can carry."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters, PsfParameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.segmentation.focus_map import FocusMap


#: Parameters on which the estimate of the blur depends.
PSF_FIELDS = (*(each.name for each in fields(PsfParameters)), "intensity", "equalize")
#: Maps of a focus map that are stored.
MAPS = ("front", "behind", "alpha", "confidence")
#: Level of compression: the fastest, whose files are a tenth larger than those of the default.
ZSTD_LEVEL = 1


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a fusion estimated before anything was painted.

    Parameters
    ----------
    focus : FocusMap
        Depth and alpha with soft edges.
    near : {"first", "last"}
        Which end of the planes as given is nearest to the lens.
    registration : Registration or None
        How the planes were moved.
    psf : Psf or None
        The blur; None if nothing was to be eliminated, or if it was not estimated yet.
    psf_parameters : FuseParameters or None
        Settings with which the blur was estimated; None if it was not.
    parameters : FuseParameters or None
        Settings with which the focus map was estimated.
    weights : mapping of str to str
        SHA-256 of the weights of the networks.
    crf_backend : str or None
        Which CRF refined the foreground.
    plain : str
        Why no blur was found; empty where one was, or none was looked for.
    """

    focus: FocusMap
    near: Literal["first", "last"]
    registration: Registration | None
    psf: Psf | None
    psf_parameters: FuseParameters | None
    parameters: FuseParameters | None
    weights: Mapping[str, str]
    crf_backend: str | None
    plain: str = ""

    def has_psf_for(self, parameters: FuseParameters) -> bool:
        """Return whether the blur was estimated with the same settings."""
        return same_psf_settings(self.psf_parameters, parameters)

    def to_bytes(self) -> bytes:
        """Return the estimate as a file, without loss."""
        about = {
            "planes": self.focus.planes,
            "places": self.focus.places,
            "size": self.focus.size,
            "labels": self.focus.labels.dtype.name,
            "near": self.near,
            "registration": self.registration and self.registration.to_dict(),
            "psf": self.psf and asdict(self.psf),
            "psf_parameters": self.psf_parameters and asdict(self.psf_parameters),
            "parameters": self.parameters and asdict(self.parameters),
            "weights": dict(self.weights),
            "crf_backend": self.crf_backend,
            "plain": self.plain,
        }
        maps = {name: getattr(self.focus, name)[0].cpu().numpy() for name in MAPS}
        if self.focus.is_pair:  # its depths are constant, and its confidence follows from alpha
            maps = {"alpha": maps["alpha"]}
        else:  # depth begins at 1, so 0 can say that both surfaces are the same
            maps["behind"] = np.where(maps["behind"] == maps["front"], 0, maps["behind"])
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("about.json", json.dumps(about))
            archive.writestr("labels", _compressed(self.focus.labels))
            for name, values in maps.items():
                archive.writestr(name, _compressed(values.astype(np.float32)))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Estimate:
        """Return the estimate of a file that :meth:`to_bytes` made.

        Raises
        ------
        InputError
            If the file is damaged or from a later version.
        """
        import torch

        from napari_focusstack.imaging.breathing import Breathing
        from napari_focusstack.imaging.psf import Psf
        from napari_focusstack.registration.transforms import Registration
        from napari_focusstack.segmentation.focus_map import FocusMap

        with _reading():
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                about = json.loads(archive.read("about.json"))
                size = tuple(about["size"])
                maps = {
                    name: _decompressed(archive.read(name), "float32", size)
                    for name in MAPS
                    if name in archive.namelist()
                }
            if about["planes"] > 2:
                maps["behind"] = np.where(maps["behind"] == 0, maps["front"], maps["behind"])
            tensors = {name: torch.from_numpy(values)[None] for name, values in maps.items()}
            if about["planes"] == 2:
                focus = FocusMap.of_pair(tensors["alpha"])
            else:
                places = about["places"] and tuple(about["places"])
                focus = FocusMap(**tensors, planes=about["planes"], places=places)
            psf = about["psf"]
            if psf is not None:
                moved = psf["breathing"]
                psf["breathing"] = Breathing(moved["magnification"], tuple(moved["shift_px"]))
                psf["curve"] = tuple(tuple(point) for point in psf["curve"])
                psf = Psf(**psf)
            return cls(
                focus,
                about["near"],
                about["registration"] and Registration.from_dict(about["registration"]),
                psf,
                about["psf_parameters"] and FuseParameters.of_known(about["psf_parameters"]),
                about["parameters"] and FuseParameters.of_known(about["parameters"]),
                about["weights"],
                about["crf_backend"],
                about.get("plain", ""),
            )


def labels_in(estimate: Estimate | bytes) -> tuple[np.ndarray, int, Literal["first", "last"]]:
    """Return labels (Y, X), number of planes and near end of an estimate, without the rest.

    Raises
    ------
    InputError
        If it is a file and cannot be read.
    """
    if isinstance(estimate, Estimate):
        return estimate.focus.labels, estimate.focus.planes, estimate.near
    with _reading(), zipfile.ZipFile(io.BytesIO(estimate)) as archive:
        about = json.loads(archive.read("about.json"))
        labels = _decompressed(archive.read("labels"), about["labels"], tuple(about["size"]))
        return labels, about["planes"], about["near"]


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Raise InputError where the file of an estimate cannot be read."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"the estimate that came with the labels cannot be read ({error}); run all anew."
        ) from error


def same_psf_settings(before: FuseParameters | None, now: FuseParameters) -> bool:
    """Return whether the blur was estimated before, and with the same settings."""
    return before is not None and all(
        getattr(before, name) == getattr(now, name) for name in PSF_FIELDS
    )


def _compressed(values: np.ndarray) -> bytes:
    """Compress values; the bytes of each significance stand together, for they are alike."""
    from imagecodecs import zstd_encode

    shuffled = np.ascontiguousarray(values).view(np.uint8).reshape(-1, values.itemsize).T
    return bytes(zstd_encode(shuffled.tobytes(), level=ZSTD_LEVEL))


def _decompressed(packed: bytes, dtype: str, size: tuple[int, ...]) -> np.ndarray:
    from imagecodecs import zstd_decode

    parts = np.frombuffer(zstd_decode(packed), np.uint8).reshape(np.dtype(dtype).itemsize, -1)
    return np.ascontiguousarray(parts.T).view(dtype).reshape(size)

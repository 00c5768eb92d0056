"""Write a surface as a mesh file for other programs, whole or not at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.files import check_writable, replacing
from napari_focusstack.provenance import SOFTWARE
from napari_focusstack.surface.surface import display

if TYPE_CHECKING:
    from napari_focusstack.surface.surface import Surface


MESH_SUFFIXES = (".obj", ".ply")


def mesh_files(path: str | Path) -> tuple[Path, ...]:
    """Return the files of a mesh: the file itself, and for an OBJ its material and its texture.

    Examples
    --------
    >>> [str(file) for file in mesh_files("red ant.obj")]
    ['red ant.obj', 'red_ant.mtl', 'red_ant.png']
    """
    path = Path(path)
    if path.suffix.lower() != ".obj":
        return (path,)
    stem = re.sub(r"\s", "_", path.stem)  # in OBJ and MTL a blank ends a file name
    return path, path.with_name(f"{stem}.mtl"), path.with_name(f"{stem}.png")


def write_mesh(path: str | Path, surface: Surface, image: np.ndarray) -> None:
    """Write a surface in the format of the suffix, see :func:`write_obj` and :func:`write_ply`.

    Parameters
    ----------
    path : path
        Ends in .obj or .ply.
    surface : Surface
        From `napari_focusstack.surface.triangulation.surface_of`.
    image : ndarray, (Y, X) or (Y, X, 3)
        The image that the surface was made from; used for OBJ only.

    Raises
    ------
    InputError
        If the suffix is neither .obj nor .ply, or a file cannot be written.
    """
    path = Path(path)
    check_writable(path, suffixes=MESH_SUFFIXES)
    if path.suffix.lower() == ".obj":
        write_obj(path, surface, image)
    else:
        write_ply(path, surface)


def write_obj(path: str | Path, surface: Surface, image: np.ndarray) -> None:
    """Write a Wavefront OBJ with a material (MTL) and the image as its texture (PNG).

    The material and the texture are written beside the OBJ under its name. Blanks in their names
    become underscores. Other programs show the surface upright: x to the right, y up, z towards the
    viewer, in world units. They show the pixels of the image as they are, without lighting.

    Parameters
    ----------
    path : path
        Ends in .obj.
    surface : Surface
        From `napari_focusstack.surface.triangulation.surface_of`.
    image : ndarray, (Y, X) or (Y, X, 3)
        The image that it was made from, written in 8 bits, see
        :func:`napari_focusstack.surface.surface.display`.

    Raises
    ------
    InputError
        If a file cannot be written. Nothing is left behind, and an older mesh stays as it was.

    Examples
    --------
    >>> import tempfile
    >>> from napari_focusstack.surface.triangulation import surface_of
    >>> image = np.full((4, 5), 128, np.uint8)
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_obj(folder / "ant.obj", surface_of(np.zeros((4, 5), np.float32), image), image)
    >>> sorted(file.name for file in folder.iterdir())
    ['ant.mtl', 'ant.obj', 'ant.png']
    """
    from imagecodecs import png_encode

    check_writable(path, suffixes=(".obj",))
    path, material, texture = mesh_files(path)
    for file in (material, texture):
        check_writable(file, suffixes=(file.suffix,))
    corners = np.repeat(surface.faces + 1, 2, axis=1)
    lines = [
        f"# {SOFTWARE}\nmtllib {material.name}\nusemtl surface\n",
        _rows("v %.7g %.7g %.7g\n", _positions(surface)),
        _rows("vt %.7g %.7g\n", surface.texcoords),
        _rows("f %d/%d %d/%d %d/%d\n", corners),
    ]
    # The OBJ names the other files, so it is moved into place last.
    with replacing(path) as part:
        part.write_text("".join(lines), encoding="utf-8")
        with replacing(material) as part:
            part.write_text(
                f"newmtl surface\nKa 1 1 1\nKd 1 1 1\nillum 0\nmap_Kd {texture.name}\n",
                encoding="utf-8",
            )
            with replacing(texture) as part:
                part.write_bytes(png_encode(np.ascontiguousarray(display(image))))


def write_ply(path: str | Path, surface: Surface) -> None:
    r"""Write a binary little-endian PLY with a colour per vertex, upright as `write_obj` does.

    Parameters
    ----------
    path : path
        Ends in .ply.
    surface : Surface
        From `napari_focusstack.surface.triangulation.surface_of`.

    Raises
    ------
    InputError
        If the file cannot be written. Nothing is left behind, and an older mesh stays as it was.

    Examples
    --------
    >>> import tempfile
    >>> from napari_focusstack.surface.triangulation import surface_of
    >>> surface = surface_of(np.zeros((4, 5), np.float32), np.full((4, 5), 128, np.uint8))
    >>> path = Path(tempfile.mkdtemp()) / "ant.ply"
    >>> write_ply(path, surface)
    >>> path.read_bytes()[:36]
    b'ply\nformat binary_little_endian 1.0\n'
    """
    path = Path(path)
    check_writable(path, suffixes=(".ply",))
    vertices = np.empty(len(surface.vertices), [("position", "<f4", 3), ("colour", "u1", 3)])
    vertices["position"] = _positions(surface)
    vertices["colour"] = surface.colours.reshape(len(vertices), -1)  # grey fills all three
    faces = np.empty(len(surface.faces), [("corners", "u1"), ("index", "<i4", 3)])
    faces["corners"], faces["index"] = 3, surface.faces
    header = "".join(
        f"{line}\n"
        for line in (
            "ply",
            "format binary_little_endian 1.0",
            f"comment {SOFTWARE}",
            f"element vertex {len(vertices)}",
            *(f"property float {axis}" for axis in "xyz"),
            *(f"property uchar {colour}" for colour in ("red", "green", "blue")),
            f"element face {len(faces)}",
            "property list uchar int vertex_indices",
            "end_header",
        )
    )
    with replacing(path) as part:
        part.write_bytes(header.encode("ascii") + vertices.tobytes() + faces.tobytes())


def _positions(surface: Surface) -> np.ndarray:
    """Return the vertices as (x, y, z), right-handed, (V, 3) float32."""
    # From y down and z away from the viewer to y up and z towards the viewer.
    return surface.vertices[:, ::-1] * np.array([1, -1, -1], np.float32)


def _rows(pattern: str, values: np.ndarray) -> str:
    """Return one line of text for each row of values."""
    return (pattern * len(values)) % tuple(values.ravel().tolist())

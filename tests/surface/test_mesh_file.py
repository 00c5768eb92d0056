"""Meshes for other programs: read back by their formats' rules, upright, whole or not at all."""

import imagecodecs
import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.surface.mesh_file import mesh_files, write_mesh, write_obj, write_ply
from napari_focusstack.surface.triangulation import surface_of

COLOURS = np.random.default_rng(0).integers(0, 256, (12, 17, 3)).astype(np.uint8)
DEPTH = np.add.outer(np.arange(12), np.arange(17)).astype(np.float32) / 10


@pytest.fixture
def surface():
    return surface_of(DEPTH, COLOURS, (2, 0.5, 0.25))


def read_obj(path):
    """Positions, texture coordinates, faces (0-based), and what the material names."""
    rows = {"v": [], "vt": [], "f": [], "mtllib": []}
    for line in path.read_text().splitlines():
        kind, *words = line.split()
        rows.setdefault(kind, []).append(words)
    corners = [[tuple(map(int, word.split("/"))) for word in face] for face in rows["f"]]
    assert all(position == texture for face in corners for position, texture in face)
    material = (path.parent / rows["mtllib"][0][0]).read_text()
    assert f"newmtl {rows['usemtl'][0][0]}\n" in material
    texture = next(line.split()[1] for line in material.splitlines() if line.startswith("map_Kd"))
    faces = np.array([[position - 1 for position, _ in face] for face in corners])
    return np.array(rows["v"], float), np.array(rows["vt"], float), faces, path.parent / texture


def read_ply(path):
    """Positions, colours and faces by what the header says."""
    header, _, body = path.read_bytes().partition(b"end_header\n")
    lines = header.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    counts = [int(line.split()[2]) for line in lines if line.startswith("element")]
    names = [line.split()[-1] for line in lines if line.startswith("property")]
    assert names == ["x", "y", "z", "red", "green", "blue", "vertex_indices"]
    vertex = np.dtype([(name, "<f4" if name in "xyz" else "u1") for name in names[:6]])
    vertices = np.frombuffer(body, vertex, counts[0])
    face = np.dtype([("n", "u1"), ("i", "<i4", 3)])
    faces = np.frombuffer(body, face, counts[1], counts[0] * vertex.itemsize)
    assert len(body) == counts[0] * vertex.itemsize + counts[1] * face.itemsize
    assert (faces["n"] == 3).all()
    positions = np.stack([vertices[axis] for axis in "xyz"], 1)
    return positions, np.stack([vertices[name] for name in names[3:6]], 1), faces["i"]


@pytest.mark.parametrize("name", ["red ant.obj", "ant.OBJ", "red ant.ply"])
def test_the_suffix_names_the_format_and_the_files_are_told_before(tmp_path, surface, name):
    write_mesh(tmp_path / name, surface, COLOURS)
    assert sorted(tmp_path.iterdir()) == sorted(mesh_files(tmp_path / name))
    reader = read_ply if name.endswith("ply") else read_obj
    assert len(reader(tmp_path / name)[2]) == len(surface.faces)


def test_another_format_is_refused(tmp_path, surface):
    with pytest.raises(InputError, match=r"'.stl'; use .obj, .ply"):
        write_mesh(tmp_path / "ant.stl", surface, COLOURS)


def test_obj_holds_the_surface_upright_with_its_texture(tmp_path, surface):
    write_obj(tmp_path / "ant.obj", surface, COLOURS)

    positions, texcoords, faces, texture = read_obj(tmp_path / "ant.obj")
    z, y, x = surface.vertices.T
    np.testing.assert_allclose(positions, np.stack([x, -y, -z], 1), rtol=1e-6)
    np.testing.assert_allclose(texcoords, surface.texcoords, rtol=1e-6)
    np.testing.assert_array_equal(faces, surface.faces)
    np.testing.assert_array_equal(read_image(texture), COLOURS)


def test_faces_look_towards_the_viewer(tmp_path, surface):
    write_obj(tmp_path / "ant.obj", surface, COLOURS)

    positions, _, faces, _ = read_obj(tmp_path / "ant.obj")
    first, second, third = positions[faces].transpose(1, 0, 2)
    assert (np.cross(second - first, third - first)[:, 2] > 0).all()


def test_a_texture_coordinate_finds_the_pixel_of_its_vertex(tmp_path, surface):
    write_obj(tmp_path / "ant.obj", surface, COLOURS)

    positions, texcoords, _, texture = read_obj(tmp_path / "ant.obj")
    pixels = read_image(texture)
    row = ((1 - texcoords[:, 1]) * len(pixels)).astype(int)  # v is 0 at the bottom
    column = (texcoords[:, 0] * pixels.shape[1]).astype(int)
    expected = COLOURS[
        np.rint(-positions[:, 1] / 0.5).astype(int), np.rint(positions[:, 0] * 4).astype(int)
    ]
    np.testing.assert_array_equal(pixels[row, column], expected)


def test_blanks_in_the_name_do_not_cut_the_names_of_the_other_files(tmp_path, surface):
    write_obj(tmp_path / "my big ant.obj", surface, COLOURS)

    assert read_obj(tmp_path / "my big ant.obj")[3] == tmp_path / "my_big_ant.png"


def test_grey_16_bit_images_become_an_8_bit_texture(tmp_path):
    image = np.linspace(0, 50000, DEPTH.size).reshape(DEPTH.shape).astype(np.uint16)
    surface = surface_of(DEPTH, image)

    write_obj(tmp_path / "ant.obj", surface, image)
    write_ply(tmp_path / "ant.ply", surface)

    texture = read_image(tmp_path / "ant.png")
    assert texture.dtype == np.uint8
    assert texture.shape == DEPTH.shape
    _, colours, _ = read_ply(tmp_path / "ant.ply")
    np.testing.assert_array_equal(colours, np.repeat(texture.reshape(-1, 1), 3, axis=1))


def test_ply_holds_the_surface_upright_with_its_colours(tmp_path, surface):
    write_ply(tmp_path / "ant.ply", surface)

    positions, colours, faces = read_ply(tmp_path / "ant.ply")
    z, y, x = surface.vertices.T
    np.testing.assert_array_equal(positions, np.stack([x, -y, -z], 1))
    np.testing.assert_array_equal(colours, COLOURS.reshape(-1, 3))
    np.testing.assert_array_equal(faces, surface.faces)


def test_wrong_suffix_is_refused(tmp_path, surface):
    with pytest.raises(InputError, match=r"'\.stl'; use \.obj"):
        write_obj(tmp_path / "ant.stl", surface, COLOURS)
    with pytest.raises(InputError, match=r"'\.obj'; use \.ply"):
        write_ply(tmp_path / "ant.obj", surface)
    assert list(tmp_path.iterdir()) == []


def test_a_texture_that_cannot_be_replaced_is_found_before_anything_is_written(tmp_path, surface):
    (tmp_path / "ant.png").mkdir()

    with pytest.raises(InputError, match=r"ant\.png is a folder"):
        write_obj(tmp_path / "ant.obj", surface, COLOURS)
    assert list(tmp_path.iterdir()) == [tmp_path / "ant.png"]


def test_a_disk_that_fills_up_at_the_texture_leaves_the_older_mesh_whole(
    tmp_path, surface, monkeypatch
):
    write_obj(tmp_path / "ant.obj", surface, COLOURS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(image):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(imagecodecs, "png_encode", full)
    with pytest.raises(InputError, match=r"cannot write .*ant\.png \(No space left"):
        write_obj(tmp_path / "ant.obj", surface, COLOURS[::-1])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("suffix", [".obj", ".ply"])
def test_a_system_that_refuses_more_bytes_leaves_nothing(tmp_path, surface, suffix):
    resource = pytest.importorskip("resource", reason="file size limits are a Unix feature")
    path = tmp_path / f"ant{suffix}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(InputError, match="cannot write"):
            write_ply(path, surface) if suffix == ".ply" else write_obj(path, surface, COLOURS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []

"""Meshes for other programs: read back by trimesh, upright, whole or not at all."""

import imagecodecs
import numpy as np
import pytest
import trimesh

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.surface.mesh_file import mesh_files, write_mesh, write_obj, write_ply
from napari_focusstack.surface.triangulation import surface_of

COLOURS = np.random.default_rng(0).integers(0, 256, (12, 17, 3)).astype(np.uint8)
DEPTH = np.add.outer(np.arange(12), np.arange(17)).astype(np.float32) / 10


@pytest.fixture
def surface():
    return surface_of(DEPTH, COLOURS, (2, 0.5, 0.25))


def read_mesh(path):
    """Read a mesh as another program does, with its vertices in the order of the file."""
    return trimesh.load_mesh(path, process=False, maintain_order=True)


def texture_of(mesh):
    """Return the image that the material of a mesh names, (Y, X) or (Y, X, 3)."""
    return np.asarray(mesh.visual.material.image)


def right_handed(surface):
    """Return the vertices as (x, y, z), y up and z towards the viewer."""
    z, y, x = surface.vertices.T
    return np.stack([x, -y, -z], 1)


@pytest.mark.parametrize("name", ["red ant.obj", "ant.OBJ", "red ant.ply"])
def test_the_suffix_names_the_format_and_mesh_files_lists_what_is_written(tmp_path, surface, name):
    write_mesh(tmp_path / name, surface, COLOURS)
    assert sorted(tmp_path.iterdir()) == sorted(mesh_files(tmp_path / name))
    assert len(read_mesh(tmp_path / name).faces) == len(surface.faces)


def test_another_format_is_refused(tmp_path, surface):
    with pytest.raises(InputError, match=r"'.stl'; use .obj, .ply"):
        write_mesh(tmp_path / "ant.stl", surface, COLOURS)


def test_obj_holds_the_surface_upright_with_its_texture(tmp_path, surface):
    write_obj(tmp_path / "ant.obj", surface, COLOURS)

    mesh = read_mesh(tmp_path / "ant.obj")
    np.testing.assert_allclose(mesh.vertices, right_handed(surface), rtol=1e-6)
    np.testing.assert_allclose(mesh.visual.uv, surface.texcoords, rtol=1e-6)
    np.testing.assert_array_equal(mesh.faces, surface.faces)
    np.testing.assert_array_equal(texture_of(mesh), COLOURS)


def test_obj_shows_the_image_as_it_is_without_light(tmp_path, surface):
    write_obj(tmp_path / "ant.obj", surface, COLOURS)

    assert "illum 0\n" in (tmp_path / "ant.mtl").read_text()
    material = read_mesh(tmp_path / "ant.obj").visual.material
    assert (material.diffuse == 255).all()
    assert (material.ambient == 255).all()


def test_obj_keeps_the_precision_of_positions_in_metres(tmp_path):
    surface = surface_of(DEPTH, COLOURS, (2e-7, 6.5e-8, 6.5e-8))
    write_obj(tmp_path / "ant.obj", surface, COLOURS)

    positions = read_mesh(tmp_path / "ant.obj").vertices
    np.testing.assert_allclose(positions, right_handed(surface), rtol=1e-6)


@pytest.mark.parametrize("name", ["ant.obj", "ant.ply"])
def test_faces_look_towards_the_viewer(tmp_path, surface, name):
    write_mesh(tmp_path / name, surface, COLOURS)

    assert (read_mesh(tmp_path / name).face_normals[:, 2] > 0).all()


def test_a_texture_coordinate_finds_the_pixel_of_its_vertex(tmp_path, surface):
    write_obj(tmp_path / "ant.obj", surface, COLOURS)

    mesh = read_mesh(tmp_path / "ant.obj")
    (x, y, _), (u, v), pixels = mesh.vertices.T, mesh.visual.uv.T, texture_of(mesh)
    row, column = ((1 - v) * len(pixels)).astype(int), (u * pixels.shape[1]).astype(int)
    expected = COLOURS[np.rint(-y / 0.5).astype(int), np.rint(x / 0.25).astype(int)]
    np.testing.assert_array_equal(pixels[row, column], expected)


def test_blanks_in_the_name_do_not_cut_the_names_of_the_other_files(tmp_path, surface):
    write_obj(tmp_path / "my big ant.obj", surface, COLOURS)

    assert {path.name for path in tmp_path.iterdir()} == {
        "my big ant.obj", "my_big_ant.mtl", "my_big_ant.png"
    }  # fmt: skip
    np.testing.assert_array_equal(texture_of(read_mesh(tmp_path / "my big ant.obj")), COLOURS)


def test_grey_16_bit_images_become_an_8_bit_texture(tmp_path):
    image = np.linspace(0, 50000, DEPTH.size).reshape(DEPTH.shape).astype(np.uint16)
    surface = surface_of(DEPTH, image)

    write_obj(tmp_path / "ant.obj", surface, image)
    write_ply(tmp_path / "ant.ply", surface)

    texture = read_image(tmp_path / "ant.png")
    assert texture.dtype == np.uint8
    assert texture.shape == DEPTH.shape
    colours = read_mesh(tmp_path / "ant.ply").visual.vertex_colors[:, :3]
    np.testing.assert_array_equal(colours, np.repeat(texture.reshape(-1, 1), 3, axis=1))


def test_ply_holds_the_surface_upright_with_its_colours(tmp_path, surface):
    write_ply(tmp_path / "ant.ply", surface)

    mesh = read_mesh(tmp_path / "ant.ply")
    np.testing.assert_array_equal(mesh.vertices, right_handed(surface))
    np.testing.assert_array_equal(mesh.visual.vertex_colors[:, :3], COLOURS.reshape(-1, 3))
    np.testing.assert_array_equal(mesh.faces, surface.faces)


def test_ply_is_binary_and_its_header_names_what_each_vertex_holds(tmp_path, surface):
    write_ply(tmp_path / "ant.ply", surface)

    lines = (tmp_path / "ant.ply").read_bytes().partition(b"end_header\n")[0].decode().splitlines()
    assert lines[:3] == ["ply", "format binary_little_endian 1.0", "comment napari-focusstack"]
    names = [line.split()[-1] for line in lines if line.startswith("property")]
    assert names == ["x", "y", "z", "red", "green", "blue", "vertex_indices"]


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

"""Movies are decoded, and show what was put in."""

import imageio.v3 as iio
import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.writing.movie import check_movie, movie

RATE_HZ = 10
PLUGINS = {".mp4": "pyav", ".gif": "pillow"}
#: Greys of the frames.
GREYS = range(20, 240, 20)


def written(path, shape=(40, 60)):
    with movie(path, RATE_HZ) as add:
        for grey in GREYS:
            frame = np.full((*shape, 3), grey, np.uint8)
            frame[:, : shape[1] // 2] //= 2
            add(frame)
    return iio.imread(path, plugin=PLUGINS[path.suffix])


@pytest.mark.parametrize("suffix", PLUGINS)
def test_each_frame_is_read_again(tmp_path, suffix):
    frames = written(tmp_path / f"fade{suffix}")
    assert frames.shape == (len(GREYS), 40, 60, 3)
    right, left = frames[:, 10:30, 40:55].mean((1, 2, 3)), frames[:, 10:30, 5:20].mean((1, 2, 3))
    np.testing.assert_allclose(right, GREYS, atol=8)
    np.testing.assert_allclose(left, np.array(GREYS) / 2, atol=8)


def test_an_mp4_plays_at_its_rate_and_has_an_even_size(tmp_path):
    frames = written(tmp_path / "fade.mp4", (41, 61))
    assert frames.shape[1:3] == (40, 60)
    assert iio.immeta(tmp_path / "fade.mp4", plugin="pyav")["fps"] == RATE_HZ


def test_a_small_thing_keeps_its_colour_in_a_gif(tmp_path):
    rng = np.random.default_rng(0)
    grey = np.repeat(rng.integers(0, 256, (120, 160, 1)), 3, 2)
    frame = np.clip(grey + rng.integers(-40, 40, grey.shape), 0, 255).astype(np.uint8)
    frame[40:48, 60:68] = orange = (230, 120, 20)
    with movie(tmp_path / "spot.gif", RATE_HZ) as add:
        add(frame)
        add(frame[:, ::-1])
    spot = iio.imread(tmp_path / "spot.gif", plugin="pillow")[0, 40:48, 60:68]
    np.testing.assert_allclose(spot.mean((0, 1)), orange, atol=12)


def test_a_gif_plays_at_its_rate_for_ever(tmp_path):
    written(tmp_path / "fade.gif")
    about = iio.immeta(tmp_path / "fade.gif", plugin="pillow")
    assert (about["duration"], about["loop"]) == (1000 / RATE_HZ, 0)


@pytest.mark.parametrize("suffix", PLUGINS)
def test_a_movie_that_is_broken_off_leaves_no_file(tmp_path, suffix):
    def broken_off():
        with movie(tmp_path / f"half{suffix}", RATE_HZ) as add:
            add(np.zeros((32, 32, 3), np.uint8))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_off()
    assert not list(tmp_path.iterdir())


def test_without_its_packages_an_mp4_is_refused_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_focusstack.io.writing.movie.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install \"napari-focusstack\[movie\]\", or choose"):
        check_movie(tmp_path / "rock.mp4")
    check_movie(tmp_path / "rock.gif")


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"'.avi'; use .mp4, .gif"):
        check_movie(tmp_path / "rock.avi")

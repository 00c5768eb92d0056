"""The command `train`."""


def test_training_stops_resumes_and_gives_weights_that_fuse_takes(run, tmp_path, pair):
    run("simulate", "-o", tmp_path, "--count", 3, "--side", 64)
    photos = tmp_path / "data" / "photos"
    photos.mkdir(parents=True)
    for number in range(1, 4):
        (tmp_path / f"{number:04}-truth.png").rename(photos / f"{number}.png")
    words = [
        "train", "fsb", "--data", tmp_path / "data", "-o", tmp_path / "mine.safetensors",
        "--width", 8, "--batch", 1, "--validation-pairs", 1, "--device", "cpu",
    ]  # fmt: skip
    first = run(*words, "--steps", 2)
    assert first.returncode == 0, first.stderr
    again = run(*words, "--steps", 3)
    assert again.returncode == 2
    assert "--resume" in again.stderr
    more = run(*words, "--steps", 3, "--resume")
    assert more.returncode == 0, more.stderr
    assert "after 3 steps" in more.stdout
    done = run(
        "fuse", pair / "near.png", pair / "far.png", "-o", pair / "out.tif", "--psf", "4",
        "--fsb-weights", tmp_path / "mine.safetensors",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_recipe_that_cannot_be_trained_with_is_refused(run, tmp_path):
    done = run("train", "fsb", "--data", tmp_path, "-o", tmp_path / "a.safetensors", "--steps", 0)
    assert (done.returncode, done.stdout) == (2, "")
    assert "steps is 0" in done.stderr
    assert list(tmp_path.iterdir()) == []

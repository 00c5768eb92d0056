"""The command `demo`."""

from functools import partial

from napari_focusstack.samples import pair as samples


def test_the_demo_gains_in_the_transition_region(run, tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "sample_pair", partial(samples.sample_pair, (192, 256)))
    done = run("demo", "-o", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    before, after = (
        float(next(line for line in lines if line.startswith(word)).split()[-1])
        for word in ("before", "after")
    )
    assert after > before + 3
    assert (tmp_path / "demo" / "all_in_focus.tif").stat().st_size > 0

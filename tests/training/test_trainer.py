"""Training runs, stops, goes on where it stopped, and says so when it cannot."""

import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.truth_metrics import mean_iou
from napari_focusstack.networks.deb import DEB, plane_features
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB
from napari_focusstack.networks.meb import MEB
from napari_focusstack.simulation.augmentation import StackExample
from napari_focusstack.simulation.material import CUTOUT_PX, PHOTO_PX, SHAPE_PX, SourceImages
from napari_focusstack.simulation.pairs import synthesise
from napari_focusstack.training import pair_task, scene_pool, trainer
from napari_focusstack.training.losses import boundary_weight
from napari_focusstack.training.trainer import Training, TrainParameters, build

VALIDATE = Training.validate

TINY = {"width": 8, "batch": 2, "validate_every": 1000, "validation_pairs": 8, "seed": 3}


@pytest.fixture(autouse=True)
def small_and_exact(monkeypatch, small_scenes):
    """Small crops, no validation, float32 whatever the machine has."""
    monkeypatch.setattr(trainer, "CROP_SIDES_PX", (64,))
    monkeypatch.setattr(trainer, "autocast", lambda device: torch.autocast("cpu", enabled=False))
    monkeypatch.setattr(Training, "validate", lambda self: {"mean_iou": 0.5})


@pytest.fixture(scope="module")
def material():
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(10, 3, 80, 80, generator=rng)
    photos = torch.nn.functional.interpolate(coarse, (PHOTO_PX, PHOTO_PX), mode="bicubic")
    return SourceImages(
        (photos.clamp(0, 1) * 255).byte(),
        torch.empty(0, 1, SHAPE_PX, SHAPE_PX, dtype=torch.uint8),
        torch.empty(0, 4, CUTOUT_PX, CUTOUT_PX, dtype=torch.uint8),
    )


def run(training, steps=None):
    """Losses of so many steps, or of all that are left."""
    losses = []
    for progress in training:
        losses.append(progress.loss)
        if len(losses) == steps:
            break
    return losses


def test_training_lowers_the_loss(material, tmp_path):
    # 100 steps of warm-up, so a short run needs a high rate.
    parameters = TrainParameters(**TINY, steps=40, learning_rate=0.03)
    losses = run(Training(parameters, material, tmp_path / "fsb.ckpt"))
    assert len(losses) == 40
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


@pytest.mark.parametrize("network", ["fsb", "keb", "deb", "meb"])
def test_a_run_that_goes_on_is_the_run_without_a_break(material, tmp_path, network):
    parameters = TrainParameters(**{**TINY, "batch": 1}, network=network, steps=4)
    unbroken = Training(parameters, material, tmp_path / "unbroken.ckpt")
    losses = run(unbroken)

    checkpoint = tmp_path / "broken.ckpt"
    first = run(Training(parameters, material, checkpoint), steps=2)
    resumed = Training(parameters, material, checkpoint)
    assert resumed.step == 2
    assert first + run(resumed) == pytest.approx(losses, rel=1e-5)
    assert resumed.step == 4
    for a, b in zip(
        resumed.averaged.state_dict().values(), unbroken.averaged.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_stopping_saves_whole_and_leaves_nothing_else(material, tmp_path):
    training = Training(TrainParameters(**TINY, steps=50), material, tmp_path / "fsb.ckpt")
    steps = iter(training)
    next(steps)
    next(steps)
    steps.close()
    assert [path.name for path in tmp_path.iterdir()] == ["fsb.ckpt"]
    assert torch.load(tmp_path / "fsb.ckpt", weights_only=True)["step"] == 2


def test_a_step_that_would_spoil_the_weights_is_refused_and_the_checkpoint_kept(
    material, tmp_path, monkeypatch
):
    parameters = TrainParameters(**TINY, steps=4)
    checkpoint = tmp_path / "fsb.ckpt"
    run(Training(parameters, material, checkpoint), steps=2)
    resumed = Training(parameters, material, checkpoint)
    monkeypatch.setattr(resumed.task, "loss", lambda answer, batch: answer.mean() * float("nan"))
    with pytest.raises(InputError, match="gradients of step 3 are not finite"):
        run(resumed)
    again = Training(parameters, material, checkpoint)
    assert again.step == 2
    assert all(weight.isfinite().all() for weight in again.network.parameters())


def test_a_finished_run_has_nothing_left_to_do(material, tmp_path):
    parameters = TrainParameters(**TINY, steps=2)
    run(Training(parameters, material, tmp_path / "fsb.ckpt"))
    assert run(Training(parameters, material, tmp_path / "fsb.ckpt")) == []


def test_it_validates_and_saves_when_it_should(material, tmp_path):
    parameters = TrainParameters(**{**TINY, "validate_every": 2}, steps=5)
    scores = {p.step: p.scores for p in Training(parameters, material, tmp_path / "fsb.ckpt")}
    assert [step for step, score in scores.items() if score] == [2, 4, 5]


def test_progress_says_where_it_stands(material, tmp_path):
    progress = list(Training(TrainParameters(**TINY, steps=3), material, tmp_path / "fsb.ckpt"))
    assert [(p.step, p.steps) for p in progress] == [(1, 3), (2, 3), (3, 3)]
    assert progress[0].seconds < progress[-1].seconds


def test_a_seed_makes_the_same_run(material, tmp_path):
    one, two, other = (
        run(Training(TrainParameters(**{**TINY, "seed": seed}, steps=2), material, tmp_path / name))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert one == two
    assert one != other


def test_the_rate_warms_up_and_falls_to_nothing(material, tmp_path):
    training = Training(TrainParameters(**TINY, steps=1000), material, tmp_path / "fsb.ckpt")
    rates = []
    for training.step in (0, 99, 500, 1000):
        rates.append(training._learning_rate() / training.parameters.learning_rate)
    assert rates == pytest.approx([0.01, 0.976, 0.5, 0], abs=1e-3)


def test_training_may_start_from_given_weights(material, tmp_path):
    torch.manual_seed(11)
    start = FSB(width=8)
    weight = start.stem.weight.detach().clone()
    training = Training(TrainParameters(**TINY, steps=1), material, tmp_path / "a.ckpt", start)
    torch.testing.assert_close(training.network.stem.weight.detach(), weight)


@pytest.mark.parametrize(("network", "channels"), [("fsb", 6), ("keb", 7)])
def test_a_narrower_start_is_widened_and_answers_as_before(material, tmp_path, network, channels):
    torch.manual_seed(12)
    start = build(network, 8)
    parameters = TrainParameters(**{**TINY, "width": 16}, network=network, steps=1)
    training = Training(parameters, material, tmp_path / "a.ckpt", start)
    assert training.network.config == build(network, 16).config
    seen = torch.rand(2, channels, 64, 64)
    with torch.no_grad():
        expected = start(seen)
        for widened in (training.network, training.averaged):
            torch.testing.assert_close(widened(seen), expected, atol=1e-4, rtol=1e-3)


def test_a_wider_start_keeps_its_width(material, tmp_path):
    parameters = TrainParameters(**TINY, steps=1)
    training = Training(parameters, material, tmp_path / "a.ckpt", FSB(width=12))
    assert training.network.config["width"] == 12


@pytest.mark.parametrize("change", [{"network": "keb"}, {"width": 16}])
def test_a_checkpoint_of_another_network_is_refused(material, tmp_path, change):
    checkpoint = tmp_path / "fsb.ckpt"
    Training(TrainParameters(**TINY, steps=1), material, checkpoint).save()
    with pytest.raises(InputError, match=r"fsb\.ckpt holds a fsb of"):
        Training(TrainParameters(**{**TINY, **change}, steps=1), material, checkpoint)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_file_that_is_no_checkpoint_is_refused(material, tmp_path, content):
    checkpoint = tmp_path / "fsb.ckpt"
    checkpoint.write_bytes(content)
    with pytest.raises(InputError, match=r"fsb\.ckpt"):
        Training(TrainParameters(**TINY, steps=1), material, checkpoint)


def test_a_checkpoint_of_something_else_is_refused(material, tmp_path):
    checkpoint = tmp_path / "fsb.ckpt"
    torch.save({"epoch": 3}, checkpoint)
    with pytest.raises(InputError, match=r"fsb\.ckpt"):
        Training(TrainParameters(**TINY, steps=1), material, checkpoint)


@pytest.mark.parametrize(
    ("network", "names"),
    [
        ("fsb", {"mean_iou", "alpha_error", "edge_error"}),
        ("keb", {"sigma_error", "sigma_bias"}),
        ("deb", {"edge_within_one", "within_one", "exact", "mean_iou"}),
        ("meb", {"wrong", "alpha_error", "light_error"}),
    ],
)
def test_each_network_is_scored_by_its_own_measure_on_fixed_scenes(
    material, tmp_path, monkeypatch, network, names
):
    monkeypatch.setattr(Training, "validate", VALIDATE)
    parameters = TrainParameters(**TINY, network=network, steps=1)
    training = Training(parameters, material, tmp_path / "any.ckpt")
    scores = training.validate()
    assert set(scores) == names
    assert scores == training.validate()


def test_the_score_is_the_mean_iou_of_each_scene(material, tmp_path, monkeypatch):
    monkeypatch.setattr(Training, "validate", VALIDATE)
    training = Training(TrainParameters(**TINY, steps=1), material, tmp_path / "fsb.ckpt")
    made = []

    def remembering(*args):
        pairs = synthesise(*args)
        pairs.alpha[0] = 0.0  # a scene without a foreground
        made.append(pairs)
        return pairs

    monkeypatch.setattr(pair_task, "synthesise", remembering)
    answer_with(training, monkeypatch, lambda pairs: 1 - (pairs.near[:, :1] > 0.5).float())
    score = training.validate()["mean_iou"]
    pairs = made[0]
    expected = [
        mean_iou(near[0].numpy() <= 0.5, alpha[0].numpy() > 0.5)
        for near, alpha in zip(pairs.near, pairs.alpha, strict=True)
    ]
    assert score == pytest.approx(sum(expected) / len(expected), abs=1e-5)
    answer_with(training, monkeypatch, lambda pairs: pairs.alpha)
    assert training.validate()["mean_iou"] == 1


def test_the_edge_error_is_the_error_beside_the_boundary(material, tmp_path, monkeypatch):
    monkeypatch.setattr(Training, "validate", VALIDATE)
    training = Training(TrainParameters(**TINY, steps=1), material, tmp_path / "fsb.ckpt")

    def scores(answer):
        answer_with(training, monkeypatch, lambda pairs: answer(pairs.alpha))
        return training.validate()

    def wrong_where(chosen):
        return lambda alpha: torch.where(chosen(boundary_weight(alpha)), 1 - alpha, alpha)

    assert scores(lambda alpha: alpha)["edge_error"] == pytest.approx(0, abs=1e-6)
    elsewhere = scores(wrong_where(lambda weight: weight == 1))
    assert elsewhere["alpha_error"] > 0.3
    assert elsewhere["edge_error"] == pytest.approx(0, abs=1e-6)
    beside = scores(wrong_where(lambda weight: weight > 1))
    assert beside["alpha_error"] < 0.5
    assert beside["edge_error"] > 1.5 * beside["alpha_error"]
    unsure = scores(lambda alpha: torch.where(alpha > 0.5, alpha - 0.25, alpha + 0.25))
    assert unsure["edge_error"] == pytest.approx(0.25, abs=1e-5)


def test_a_fresh_network_is_the_one_named():
    assert isinstance(build("fsb", 8), FSB)
    assert isinstance(build("keb", 8), KEB)
    assert isinstance(build("deb", 8), DEB)
    assert isinstance(build("meb", 8), MEB)


@pytest.mark.parametrize("network", ["fsb", "keb"])
def test_a_validation_leaves_what_it_saw(material, tmp_path, monkeypatch, network):
    monkeypatch.setattr(Training, "validate", VALIDATE)
    parameters = TrainParameters(
        **{**TINY, "validation_pairs": 12}, network=network, steps=1, average=0.5
    )
    training = Training(parameters, material, tmp_path / "any.ckpt")
    assert training.examples is None
    scores = training.validate()
    examples = training.examples
    assert examples.near.shape == examples.far.shape == (8, 3, 128, 128)
    assert examples.truth.shape == examples.answer.shape
    assert len(examples.truth) == 16  # whole batches of 8
    planes = torch.cat([examples.near, examples.far], 1)
    if network == "fsb":
        found = training.averaged(planes)
        error = (examples.answer - examples.truth).abs().mean()
        assert scores["alpha_error"] == pytest.approx(float(error))
        torch.testing.assert_close(examples.answer[:8], found, atol=1e-4, rtol=1e-3)
    else:
        error = (examples.answer / examples.truth - 1).abs().median()
        assert scores["sigma_error"] == pytest.approx(float(error))
    assert "examples" not in torch.load(_saved(training), weights_only=True)


@pytest.mark.parametrize("start", [DEB(width=8, levels=2), MEB(width=8)])
def test_a_narrower_network_of_stacks_to_start_from_is_refused(material, tmp_path, start):
    network = type(start).__name__
    parameters = TrainParameters(**{**TINY, "width": 16}, network=network.lower(), steps=1)
    with pytest.raises(InputError, match=f"a {network} of width 8 cannot be widened to 16"):
        Training(parameters, material, tmp_path / "any.ckpt", start)


def test_training_deb_lowers_the_loss_and_raises_the_scores(material, tmp_path, monkeypatch):
    monkeypatch.setattr(Training, "validate", VALIDATE)
    recipe = {**TINY, "batch": 1}
    parameters = TrainParameters(**recipe, network="deb", steps=25, learning_rate=0.05, average=0.8)
    torch.manual_seed(0)
    training = Training(parameters, material, tmp_path / "deb.ckpt", DEB(width=8, levels=2))
    before = training.validate()
    assert training.examples is None
    losses = run(training)
    assert sum(losses[-8:]) < 0.9 * sum(losses[:8])
    assert training.validate()["within_one"] > before["within_one"] + 0.05


def test_training_meb_lowers_the_loss(material, tmp_path):
    parameters = TrainParameters(**TINY, network="meb", steps=25, learning_rate=0.05, average=0.8)
    losses = run(Training(parameters, material, tmp_path / "meb.ckpt", MEB(width=8, down=(2, 4))))
    assert sum(losses[-8:]) < 0.97 * sum(losses[:8])


def test_the_batch_counts_the_pixels_of_a_stack(material, tmp_path, monkeypatch):
    monkeypatch.setattr(scene_pool, "SIDE_PX", 192)
    scene = StackExample(torch.rand(4, 3, 192, 192), torch.zeros(3, 192, 192))
    monkeypatch.setattr(scene_pool.ScenePool, "scene", lambda self, number: scene)
    parameters = TrainParameters(network="deb", width=8)
    training = Training(parameters, material, tmp_path / "deb.ckpt")
    assert len(training.task.draw(0, training.generator)) == 4
    examples = [each for _ in range(8) for each in training.task.draw(1, training.generator)]
    answer = training.network(plane_features(examples[0].planes)[None])[0]
    assert answer.shape == examples[0].planes[:, 0].shape
    assert {len(example.planes) for example in examples} >= {2, 4}


def answer_with(training, monkeypatch, alpha):
    """Have the network of a training answer so, given a batch."""
    monkeypatch.setattr(training.task.__class__, "answer", lambda *given: alpha(given[2]).logit())


def _saved(training):
    training.save()
    return training.checkpoint

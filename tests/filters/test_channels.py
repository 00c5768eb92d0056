import torch

from napari_focusstack.filters.channels import interleave


def test_images_become_channels_that_are_last_in_memory():
    images = [torch.rand(2, 3, 5) for _ in range(4)]
    both = interleave(images)
    assert torch.equal(both, torch.stack(images, 1))
    assert both.is_contiguous(memory_format=torch.channels_last)


def test_a_constant_that_is_expanded_is_a_channel_too():
    images = [torch.rand(1, 3, 5), torch.full((1, 1, 1), 7.0).expand(1, 3, 5)]
    assert torch.equal(interleave(images)[:, 1], images[1])

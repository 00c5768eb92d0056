import pytest
import torch

from napari_focusstack.filters.convolution import convolve, convolve_separably


def images(**options):
    return torch.rand(3, 20, 31, generator=torch.Generator().manual_seed(0), **options)


def profiles():
    rows = torch.tensor([[1.0, 2, 4, 2, 1], [0, 1, 2, 1, 0], [0, 0, 1, 0, 0]])
    return rows / rows.sum(1, keepdim=True)


def summed(image, kernel):
    """Sum up by definition, with border pixels that go on outside."""
    reach = kernel.shape[-1] // 2
    rows, columns = (torch.arange(-reach, side + reach).clamp(0, side - 1) for side in image.shape)
    padded = image[rows][:, columns]
    found = torch.zeros_like(image)
    for y in range(kernel.shape[0]):
        for x in range(kernel.shape[1]):
            found += kernel[y, x] * padded[y : y + image.shape[0], x : x + image.shape[1]]
    return found


@pytest.mark.parametrize("gradients", [False, True], ids=["opencv", "torch"])
def test_each_image_is_summed_up_with_its_own_kernel(gradients):
    kernels = profiles()[:, :, None] * profiles()[:, None, :]
    right = torch.stack([summed(*one) for one in zip(images(), kernels, strict=True)])
    given = images().requires_grad_(gradients)
    torch.testing.assert_close(convolve(given, kernels), right)
    torch.testing.assert_close(convolve_separably(given, profiles()), right)


def test_a_kernel_may_be_wider_than_the_image():
    profile, image = torch.ones(1, 81).double() / 81, torch.eye(5).double()
    kernel = profile.T * profile
    right = summed(image, kernel)
    torch.testing.assert_close(convolve_separably(image[None], profile)[0], right)
    torch.testing.assert_close(convolve(image[None], kernel[None])[0], right)


def test_images_may_be_slices_and_repeated():
    kernel = profiles()[:1, :, None] * profiles()[:1, None, :]
    part = images()[0, ::2, ::3].expand(2, -1, -1)
    found = convolve(part, kernel.expand(2, -1, -1))
    torch.testing.assert_close(found[1], summed(part[1], kernel[0]))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_precision_stays(dtype):
    assert convolve_separably(images(dtype=dtype), profiles().to(dtype)).dtype == dtype


def test_gradients_flow_where_they_are_asked_for():
    given = images().requires_grad_()
    convolve_separably(given, profiles())[:, 9, 9].sum().backward()
    assert given.grad[0, 9, 9] == pytest.approx(0.16)
    with torch.no_grad():
        assert not convolve_separably(given, profiles()).requires_grad

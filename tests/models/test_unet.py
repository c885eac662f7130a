import pytest
import torch
from torch import nn

from toolkit.models.unet import UnetConfig, UnetForSemanticSegmentation

SMALL = {"num_channels": 1, "channels": [4, 8, 16], "num_labels": 3}


@pytest.mark.parametrize("size", [(32, 32), (31, 17), (4, 5), (3, 1), (1, 1)])
def test_logits_have_the_size_of_the_picture(size):
    model = UnetForSemanticSegmentation(UnetConfig(**SMALL)).eval()
    assert model(torch.zeros(2, 1, *size)).logits.shape == (2, 3, *size)


def test_one_stage_is_a_plain_convolutional_network():
    model = UnetForSemanticSegmentation(UnetConfig(channels=[4])).eval()
    assert model(torch.zeros(1, 3, 5, 5)).logits.shape == (1, 2, 5, 5)


def test_an_output_sees_far_pixels_through_the_bottom_and_its_own_through_the_skip():
    model = UnetForSemanticSegmentation(UnetConfig(**SMALL, norm="none")).eval()
    picture = torch.zeros(1, 1, 33, 33, requires_grad=True)
    gradient = torch.autograd.grad(model(picture + 0.1).logits[0, 0, 16, 16], picture)[0][0, 0]
    seen = gradient.abs() > 0
    assert seen[16, 16]
    assert seen[4].any()
    assert seen[:, 28].any()


def test_ignored_pixels_do_not_count():
    torch.manual_seed(0)
    model = UnetForSemanticSegmentation(UnetConfig(**SMALL)).eval()
    pictures, labels = torch.randn(2, 1, 8, 8), torch.randint(0, 3, (2, 8, 8))
    labels[:, :4] = 255
    output = model(pictures, labels=labels.byte())
    expected = nn.functional.cross_entropy(output.logits[:, :, 4:], labels[:, 4:])
    torch.testing.assert_close(output.loss, expected)


def test_learns_to_find_a_shape():
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros(8, 15, 15, dtype=torch.long)
    for number in range(8):
        top, left = torch.randint(0, 9, (2,), generator=generator).tolist()
        labels[number, top : top + 6, left : left + 6] = 1
    pictures = labels.unsqueeze(1) + 0.5 * torch.randn(8, 1, 15, 15, generator=generator)
    torch.manual_seed(0)
    config = UnetConfig(num_channels=1, channels=[8, 16], convolutions=[1, 1])
    model = UnetForSemanticSegmentation(config).train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        model(pictures, labels=labels).loss.backward()
        optimizer.step()
    found = model.eval()(pictures).logits.argmax(1)
    assert float((found == labels).float().mean()) > 0.97


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"channels": ()}, "channels has 0 entries"),
        ({"channels": "16"}, "channels is '16', give a list"),
        ({"convolutions": [2, 2]}, "convolutions has 2 entries, give a list of 4 whole numbers above 0"),
        ({"norm": "instance"}, "norm is 'instance', choose from batch, none"),
    ],
)
def test_wrong_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        UnetConfig(**values)

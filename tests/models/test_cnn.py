import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from toolkit.models.cnn import CnnConfig, CnnForImageClassification, CnnModel


def convolutions(model: nn.Module) -> list[tuple[int, int]]:
    return [(m.in_channels, m.out_channels) for m in model.modules() if isinstance(m, nn.Conv2d)]


def test_stages_have_their_channels_and_convolutions():
    model = CnnModel(CnnConfig(num_channels=1, channels=[4, 8], convolutions=[1, 3]))
    assert convolutions(model) == [(1, 4), (4, 8), (8, 8), (8, 8)]
    assert convolutions(CnnModel(CnnConfig(channels=[4, 8], convolutions=2)))[:2] == [(3, 4), (4, 4)]


@pytest.mark.parametrize("pooling", ["max", "average", "stride"])
@pytest.mark.parametrize(("size", "halved"), [((28, 28), (7, 7)), ((13, 9), (4, 3)), ((1, 1), (1, 1))])
def test_any_size_is_halved_between_stages_rounded_up(pooling, size, halved):
    model = CnnModel(CnnConfig(num_channels=1, channels=[4, 4, 4], pooling=pooling)).eval()
    output = model(torch.zeros(2, 1, *size))
    assert output.last_hidden_state.shape[2:] == halved
    assert output.pooler_output.shape == (2, 4)


def test_features_are_the_mean_over_all_pixels():
    output = CnnModel(CnnConfig(channels=[4])).eval()(torch.randn(2, 3, 8, 8))
    torch.testing.assert_close(output.pooler_output, output.last_hidden_state.mean((2, 3)))


def test_a_skip_passes_what_the_first_convolution_made():
    model = CnnModel(CnnConfig(channels=[4], convolutions=3, residual=True)).eval()
    for convolution in model.stages[0].later:
        nn.init.zeros_(convolution[0].weight)
    pictures = torch.randn(2, 3, 8, 8)
    assert torch.equal(model(pictures).last_hidden_state, model.stages[0].first(pictures))


def test_a_stage_of_one_convolution_has_no_skip():
    torch.manual_seed(0)
    with_skip = CnnModel(CnnConfig(channels=[4], convolutions=1, residual=True)).eval()
    torch.manual_seed(0)
    without = CnnModel(CnnConfig(channels=[4], convolutions=1, residual=False)).eval()
    pictures = torch.randn(2, 3, 8, 8)
    assert torch.equal(with_skip(pictures).pooler_output, without(pictures).pooler_output)


@pytest.mark.parametrize(("norm", "norms", "biases"), [("batch", 2, 0), ("none", 0, 2)])
def test_convolutions_have_a_norm_or_a_bias(norm, norms, biases):
    model = CnnModel(CnnConfig(channels=[4], convolutions=2, norm=norm))
    assert sum(isinstance(m, nn.BatchNorm2d) for m in model.modules()) == norms
    assert sum(isinstance(m, nn.Conv2d) and m.bias is not None for m in model.modules()) == biases


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_he_keeps_the_signal_alive_through_many_convolutions(activation):
    torch.manual_seed(0)
    shape = {"channels": [32], "convolutions": 12, "norm": "none", "residual": False}
    model = CnnModel(CnnConfig(activation=activation, initialization="he", **shape)).eval()
    hidden = model(torch.randn(4, 3, 24, 24)).last_hidden_state
    assert 0.02 < float(hidden.detach().square().mean()) < 20


def test_dropout_drops_features_of_the_classifier():
    model = CnnForImageClassification(CnnConfig(channels=[64], dropout=0.5, num_labels=2)).train()
    dropped = model.dropout(torch.ones(100, 64))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.5, abs=0.05)


def test_the_default_costs_what_its_description_says():
    model = CnnForImageClassification(CnnConfig(num_channels=1)).eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 1, 28, 28))
    assert counter.get_total_flops() / 1e6 == pytest.approx(15, abs=0.5)


def test_several_labels_and_numbers_have_their_losses():
    pictures, targets = torch.randn(4, 3, 8, 8), torch.rand(4, 2).round()
    for problem, expected in (
        ("multi_label_classification", nn.functional.binary_cross_entropy_with_logits),
        ("regression", nn.functional.mse_loss),
    ):
        config = CnnConfig(channels=[4], num_labels=2, problem_type=problem)
        output = CnnForImageClassification(config).eval()(pictures, labels=targets)
        torch.testing.assert_close(output.loss, expected(output.logits, targets))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"channels": []}, "channels has 0 entries"),
        ({"channels": [16, -8]}, r"channels is \[16, -8\]"),
        ({"channels": [8, 8], "convolutions": [1]}, "convolutions has 1 entries, give a list of 2 whole"),
        ({"channels": [8], "convolutions": 0}, "convolutions is 0, give a whole number above 0"),
        ({"kernel_size": 4}, "kernel_size is 4, give an odd whole number above 0"),
        ({"pooling": "mean"}, "pooling is 'mean', choose from max, average, stride"),
        ({"norm": "layer"}, "norm is 'layer', choose from batch, none"),
        ({"residual": "yes"}, "residual is 'yes', give true or false"),
        ({"initialization": None}, "initialization is None, choose from xavier, he, default"),
    ],
)
def test_wrong_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        CnnConfig(**values)

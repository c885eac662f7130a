import pytest
import torch

from toolkit.models.mlp import MlpConfig, MlpForImageClassification


def make(**values) -> MlpForImageClassification:
    return MlpForImageClassification(MlpConfig(image_size=[6, 5], num_channels=1, **values))


def test_hidden_layers_are_as_configured():
    model = make(hidden_sizes=[7, 4], num_labels=3)
    shapes = [tuple(p.shape) for name, p in model.named_parameters() if name.endswith("weight")]
    assert shapes == [(7, 30), (4, 7), (3, 4)]


def test_pictures_of_another_size_are_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"pictures are \(1, 7, 5\), this model takes \(1, 6, 5\)"):
        make()(torch.zeros(2, 1, 7, 5))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "gelu"])
def test_activations_differ(activation):
    torch.manual_seed(0)
    model = make(hidden_sizes=[4], activation=activation)
    hidden = model.mlp(torch.randn(50, 1, 6, 5)).last_hidden_state.detach()
    lowest, highest = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, 9), "gelu": (-0.2, 9)}[activation]
    assert lowest <= float(hidden.min()) <= float(hidden.max()) <= highest


def test_xavier_and_he_have_the_variance_of_their_papers():
    torch.manual_seed(0)
    shape = {"image_size": [20, 20], "num_channels": 1, "hidden_sizes": [800]}
    spread = {
        scheme: float(
            MlpForImageClassification(MlpConfig(initialization=scheme, **shape))
            .mlp.layers[0][0]
            .weight.detach()
            .var()
        )
        for scheme in ("xavier", "he", "default")
    }
    assert spread["xavier"] == pytest.approx(2 / (400 + 800), rel=0.02)
    assert spread["he"] == pytest.approx(2 / 400, rel=0.02)
    assert spread["default"] == pytest.approx(1 / (3 * 400), rel=0.02)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"hidden_sizes": []},
            "hidden_sizes has 0 entries, give a list of one or more whole numbers above 0",
        ),
        ({"hidden_sizes": [8, 0]}, r"hidden_sizes is \[8, 0\], give a list"),
        ({"hidden_sizes": 64}, "hidden_sizes is 64, give a list"),
        ({"image_size": [28]}, "image_size has 1 entries, give a list of 2 whole numbers above 0"),
        ({"initialization": "orthogonal"}, "'orthogonal', choose from xavier, he, default"),
        ({"dropout": True}, "dropout is True"),
    ],
)
def test_wrong_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        MlpConfig(**values)

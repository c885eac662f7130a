import pytest
import torch
from torch import nn

from tests.engine.tiny import Numbers, make_model, make_recipe
from toolkit.engine.dropout import dropout, fast_dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_rate_and_mean_are_exact(p):
    torch.manual_seed(0)
    kept = dropout(torch.ones(1_000_003), p)
    assert float((kept == 0).float().mean()) == pytest.approx(p, abs=2e-3)
    assert float(kept.double().mean()) == pytest.approx(1.0, abs=0.01)
    assert kept.unique().numel() == 2


def test_the_edges():
    x = torch.randn(5)
    assert dropout(x, 0.0) is x
    assert torch.equal(dropout(x, 1.0), torch.zeros(5))
    assert dropout(torch.empty(0, 3), 0.5).shape == (0, 3)


def test_masks_follow_the_seed():
    def draw(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return dropout(torch.ones(100), 0.5)

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


def test_gradients_pass_where_values_passed():
    x = torch.ones(1000, requires_grad=True)
    kept = dropout(x, 0.5)
    kept.sum().backward()
    assert torch.equal(x.grad, kept.detach())


def test_neighbouring_elements_are_independent():
    torch.manual_seed(0)
    dropped = (dropout(torch.ones(400_000), 0.5) == 0).float().view(-1, 4)
    assert torch.corrcoef(dropped.T).fill_diagonal_(0).abs().max() < 0.01


def outputs(model: nn.Module) -> torch.Tensor:
    batch = Numbers(make_recipe().train).collate(range(96))
    batch.pop("labels")
    return model(**batch).logits


def test_a_model_in_evaluation_is_left_as_it_is():
    model = make_model(0.1).eval()
    plain = outputs(model)
    with fast_dropout(model):
        assert torch.equal(outputs(model), plain)


def test_attention_gives_what_torch_gives_when_hardly_anything_is_dropped():
    model = make_model(0.0).train()
    plain = outputs(model)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 1e-9  # takes the toolkit's path, drops nothing
    with fast_dropout(model):
        torch.testing.assert_close(outputs(model), plain, rtol=1e-4, atol=1e-5)


def test_the_spread_of_outputs_is_that_of_torch():
    model = make_model(0.3).train()

    def spread() -> torch.Tensor:
        torch.manual_seed(0)
        with torch.no_grad():
            return torch.stack([outputs(model) for _ in range(60)]).std(0).mean()

    plain = spread()
    with fast_dropout(model):
        assert spread() == pytest.approx(float(plain), rel=0.1)


def test_everything_is_put_back():
    model = make_model(0.3).train()

    def draw() -> torch.Tensor:
        torch.manual_seed(0)
        return outputs(model)

    plain = draw()
    with fast_dropout(model):
        assert not torch.equal(draw(), plain)
    assert torch.equal(draw(), plain)
    assert not any("forward" in vars(module) for module in model.modules())

import pytest
import torch

from tests.engine.tiny import Numbers, make_model, make_recipe, train_tiny
from toolkit.engine.lora import add_lora, head_modules, merge_lora
from toolkit.errors import RecipeError


def logits(model) -> torch.Tensor:
    numbers = Numbers(make_recipe().train)
    batch = numbers.collate(range(20))
    batch.pop("labels")
    with torch.no_grad():
        return model.eval()(**batch).logits


def test_only_adapters_and_head_are_trained():
    model = add_lora(make_model(), r=2)
    names = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert names
    assert all("lora_" in name or "classifier" in name for name in names)
    assert any("classifier" in name for name in names)
    assert not any("classifier" in name and "lora_" in name for name in names)


def test_merging_changes_no_output(tmp_path):
    model = add_lora(make_model(), r=2)
    before = logits(model)
    train_tiny(tmp_path, model=model, epochs=4)
    trained = logits(model)
    assert not torch.allclose(before, trained, atol=1e-3)
    merged = merge_lora(model)
    torch.testing.assert_close(logits(merged), trained, rtol=1e-4, atol=1e-5)
    assert set(merged.state_dict()) == set(make_model().state_dict())
    merged.save_pretrained(tmp_path / "model")
    again = type(merged).from_pretrained(tmp_path / "model")
    assert torch.equal(logits(again), logits(merged))


def test_checkpoints_hold_the_adapters_alone(tmp_path):
    train_tiny(tmp_path, model=add_lora(make_model(), r=2), max_steps=2)
    small = tmp_path / "checkpoints" / "best" / "model-classifier.safetensors"
    assert small.stat().st_size < 0.6 * sum(p.numel() * 4 for p in make_model().parameters())


def test_a_model_without_adapters_is_merged_as_it_is():
    model = make_model()
    assert merge_lora(model) is model


def test_unknown_targets_are_named_together():
    with pytest.raises(RecipeError) as caught:
        add_lora(make_model(), target_modules=["quary", "key", "valeu"])
    assert "'quary'; did you mean 'query'?" in str(caught.value)
    assert "'valeu'; did you mean 'value'?" in str(caught.value)


@pytest.mark.parametrize("pattern", ["quary", "que(ry"])
def test_a_pattern_that_finds_nothing_is_refused(pattern: str):
    with pytest.raises(RecipeError, match=r"train\.lora\.target_modules: "):
        add_lora(make_model(), target_modules=pattern)


def test_the_head_is_found():
    assert head_modules(make_model()) == ["classifier"]

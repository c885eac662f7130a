"""A small language model with a tokenizer of its own and a chat template."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
WORDS = ("what is your name", "my name is a secret", "where does the cat sleep", "the cat sleeps on the mat")


def small_tokenizer(template: str | None = TEMPLATE, texts: Sequence[str] = WORDS):
    """Bytes and a few merges; ``<|end|>`` ends a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=["<|end|>", "<|user|>", "<|assistant|>", "<|system|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(list(texts) * 10, trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")
    made.chat_template = template
    return made


def small_writer(folder: Path, *, template: str | None = TEMPLATE, positions: int = 256) -> Path:
    """A two-layer Llama, without dropout, as a folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = small_tokenizer(template)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def conversation(*contents: str, system: str = "") -> list[dict[str, str]]:
    """Messages of user and assistant in turn."""
    first = [{"role": "system", "content": system}] if system else []
    turns = [
        {"role": "assistant" if at % 2 else "user", "content": content} for at, content in enumerate(contents)
    ]
    return [*first, *turns]


def chats(*conversations: object) -> Callable[[Path], Path]:
    """A maker of a jsonl of conversations: twenty good ones, then those given."""
    good = [conversation(f"what is {number}", f"it is {number}, my friend") for number in range(20)]

    def make(folder: Path) -> Path:
        path = folder / "chats.jsonl"
        rows = [{"messages": messages} for messages in [*good, *conversations]]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return make

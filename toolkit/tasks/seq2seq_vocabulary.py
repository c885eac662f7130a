"""A tokenizer learnt from the training rows, for a model that has none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.data.store import arrow_batches

if TYPE_CHECKING:
    from datasets import Dataset

END, UNKNOWN, PAD = "</s>", "<unk>", "<pad>"


def learn_tokenizer(
    texts: Iterable[str], vocab_size: int, max_length: int, *, lowercase: bool = False
) -> Any:
    """A byte-level BPE tokenizer that ends each text with ``</s>`` (Sennrich et al. 2016, Radford et al. 2019).

    Of bytes, so that no character of any language is unknown and a decoded text is the encoded one, but for capitals
    where ``lowercase`` is asked. Equal texts in equal order give an equal tokenizer.

    Args:
        texts: to learn from.
        vocab_size: most tokens; few texts give fewer, as a pair of tokens must occur twice to become one.
        max_length: tokens that the model takes.
        lowercase: make every letter a small one.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    # The space before the first word lets it share tokens with the same word later on; it is no part of the text.
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[END, UNKNOWN, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    end = (END, tokenizer.token_to_id(END))
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[end])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        unk_token=UNKNOWN,
        pad_token=PAD,
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
    )


def texts_of(rows: Dataset, columns: Sequence[str]) -> Iterator[str]:
    """All texts of some columns, a bounded number in memory at a time."""
    for batch in arrow_batches(rows, columns):
        for name in columns:
            yield from batch[name].to_pylist()

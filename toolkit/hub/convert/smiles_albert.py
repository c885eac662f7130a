"""A masked language model over reaction SMILES (Schwaller et al. 2021, doi:10.1126/sciadv.abe4166)."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing
from transformers import AlbertConfig, AlbertForMaskedLM, PreTrainedTokenizerFast

# Atoms, bonds, rings and branches of SMILES (Schwaller et al. 2019, doi:10.1021/acscentsci.9b00576).
TOKEN = (
    r"\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$|\%[0-9]{2}|[0-9]"
)


def convert(archives: Path, target: Path) -> None:
    """The model as safetensors, and its tokenizer without the package's own code."""
    (source,) = (archives / "rxnmapper" / "rxnmapper" / "models" / "transformers").iterdir()
    model = AlbertForMaskedLM(AlbertConfig.from_json_file(source / "config.json"))
    # weights_only: tensors alone are read from the pickle, whose sha256 was checked besides.
    weights = torch.load(source / "pytorch_model.bin", weights_only=True, map_location="cpu")
    missing, _ = model.load_state_dict(weights, strict=False)
    if missing:
        raise ValueError(f"weights without {missing}")
    model.save_pretrained(target)
    vocabulary = (source / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    _tokenizer(vocabulary).save_pretrained(target)


def _tokenizer(vocabulary: list[str]) -> PreTrainedTokenizerFast:
    ids = {token: i for i, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Split(Regex(TOKEN), behavior="removed", invert=True)
    special = [("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    pair = "[CLS] $A [SEP] $B:1 [SEP]:1"
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", pair=pair, special_tokens=special)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        mask_token="[MASK]",
        model_max_length=512,
    )

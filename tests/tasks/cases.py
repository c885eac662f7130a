"""Every task in the conformance suite, text classification's own case among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.tasks.agent_cases import REINFORCEMENT_LEARNING
from tests.tasks.answer_cases import QUESTION_ANSWERING
from tests.tasks.case import Bad, Case
from tests.tasks.detection_cases import OBJECT_DETECTION
from tests.tasks.fill_mask_cases import FILL_MASK
from tests.tasks.picture_cases import IMAGE_CLASSIFICATION, IMAGE_SEGMENTATION
from tests.tasks.seq2seq_cases import SUMMARIZATION, TRANSLATION
from tests.tasks.tagging_cases import TOKEN_CLASSIFICATION
from tests.tasks.writing_cases import TEXT_GENERATION
from toolkit.hub.samples import open_sample


def small_bert(folder: Path) -> Path:
    """A two-layer BERT with the sample's vocabulary and no dropout, so that pieces of a batch can be compared."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    torch.manual_seed(0)
    source = open_sample("minilm")
    config = BertConfig.from_pretrained(
        source,
        num_hidden_layers=2,
        hidden_size=32,
        intermediate_size=64,
        num_attention_heads=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


def text_file(name: str, content: str | bytes) -> Callable[[Path], Path]:
    """A maker of one file with that content."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def rows(*lines: str) -> str:
    """A csv of labelled texts: twenty good rows, then the given lines."""
    good = [
        f"a {word} film number {n},{label}"
        for n in range(10)
        for word, label in (("fine", "good"), ("dull", "bad"))
    ]
    return "\n".join(["text,label", *good, *lines]) + "\n"


def unseen_label(folder: Path) -> Path:
    """A folder whose test split has a label that training never saw."""
    (folder / "splits").mkdir()
    (folder / "splits" / "train.csv").write_text(rows())
    (folder / "splits" / "test.csv").write_text("text,label\nwhat a film,good\nno idea,undecided\n")
    return folder / "splits"


TEXT_CLASSIFICATION = Case(
    recipe="nlp/reviews",
    learning=("data.limit=600", "train.max_steps=24", "train.logging_steps=4", "train.learning_rate=3e-4"),
    small=small_bert,
    steps=(
        "data.limit=300",
        "train.max_steps=6",
        "train.save_steps=2",
        "train.eval_steps=3",
        "options.max_length=32",
    ),
    bad=(
        Bad("empty", text_file("empty.csv", ""), ("empty.csv", "empty")),
        Bad("header_only", text_file("header.csv", "text,label\n"), ("header.csv", "no rows")),
        Bad(
            "missing_column",
            text_file("c.csv", "words,mark\nfine,1\ndull,0\n"),
            ("c.csv", "words", "mark", "data.columns"),
        ),
        Bad("broken_row", text_file("b.csv", rows("one,cell,too many")), ("b.csv", "22")),
        Bad(
            "encoding",
            text_file("e.csv", rows("caf\xe9,good").encode("latin-1")),
            ("e.csv", "22", "data.encoding"),
        ),
        Bad("nan_text", text_file("n.csv", rows(",good")), ("n.csv", "22", "text")),
        Bad("no_label", text_file("l.csv", rows("what a film,")), ("l.csv", "22", "label")),
        Bad(
            "one_class",
            text_file("o.csv", "text,label\n" + "a fine film,good\n" * 9),
            ("o.csv", "good", "two classes"),
        ),
        Bad("unseen_label", unseen_label, ("test.csv", "undecided", "good")),
        Bad("not_text", text_file("x.csv", bytes(range(256)) * 8), ("x.csv",)),
        Bad("wrong_suffix", text_file("x.docx", b"PK\x03\x04"), ("x.docx", "csv")),
    ),
)


def pairs(*lines: str, header: str = "sentence1,sentence2,score") -> str:
    """A csv of pairs: twenty good rows, then the given lines."""
    good = [f"what is number {n},it is the {n}th,{n / 20}" for n in range(20)]
    return "\n".join([header, *good, *lines]) + "\n"


SENTENCE_SIMILARITY = Case(
    recipe="nlp/similar-dialogues",
    learning=(
        "data.limit=300",
        "train.max_steps=24",
        "train.batch_size=16",
        "train.logging_steps=4",
        "train.learning_rate=3e-3",
    ),
    small=small_bert,
    learns_small=True,
    steps=(
        "data.limit=200",
        "train.batch_size=24",
        "train.max_steps=6",
        "train.save_steps=2",
        "train.eval_steps=3",
        "options.max_length=32",
    ),
    bad=(
        Bad("empty", text_file("empty.csv", ""), ("empty.csv", "empty")),
        Bad("missing_column", text_file("c.csv", "one,two\na,b\n"), ("c.csv", "one, two", "data.columns")),
        Bad(
            "one_column_twice",
            text_file("p.csv", pairs()),
            ("data.columns.sentence2", "'sentence1'", "already sentence1"),
            ("data.columns.sentence1=sentence1", "data.columns.sentence2=sentence1"),
        ),
        Bad("empty_sentence", text_file("p.csv", pairs("who, ,0.5")), ("p.csv:22", "sentence2", "empty")),
        Bad("no_number", text_file("s.csv", pairs("who,me,much")), ("s.csv:22", "much", "not a number")),
        Bad(
            "out_of_range",
            text_file("s.csv", pairs("who,me,7")),
            ("s.csv: row 21", "'score' is 7", "0 to 1", "options.score_range"),
            ("options.score_range=[0, 1]",),
        ),
        Bad(
            "one_score",
            text_file(
                "s.csv", "sentence1,sentence2,score\n" + "".join(f"a {n},b {n},1\n" for n in range(20))
            ),
            ("s.csv", "score 1", "different"),
        ),
        Bad(
            "no_negatives",
            text_file("p.csv", pairs(header="sentence1,sentence2,other")),
            ("train.batch_size", "no negatives", "2 or more"),
            ("train.batch_size=1",),
        ),
    ),
)

CASES: dict[str, Case] = {
    "fill-mask": FILL_MASK,
    "image-classification": IMAGE_CLASSIFICATION,
    "image-segmentation": IMAGE_SEGMENTATION,
    "object-detection": OBJECT_DETECTION,
    "question-answering": QUESTION_ANSWERING,
    "reinforcement-learning": REINFORCEMENT_LEARNING,
    "sentence-similarity": SENTENCE_SIMILARITY,
    "summarization": SUMMARIZATION,
    "text-classification": TEXT_CLASSIFICATION,
    "text-generation": TEXT_GENERATION,
    "token-classification": TOKEN_CLASSIFICATION,
    "translation": TRANSLATION,
}

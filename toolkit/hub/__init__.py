"""Pretrained models and samples: found, fetched, checked, cached; finished models pushed."""

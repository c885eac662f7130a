"""Rows from anywhere: sources, columns, labels, splits, the leak check and the truncation ledger."""

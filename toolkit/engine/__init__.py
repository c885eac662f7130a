"""The supervised loop and what it stands on: batches, steps, optimisers, checkpoints, processes."""

"""The algorithms of stable-baselines3 with gradient steps that are recorded once and replayed."""

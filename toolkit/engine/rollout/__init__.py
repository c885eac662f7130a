"""Training an agent in its environments: what ``engine.fit`` is to rows, on stable-baselines3's algorithms."""

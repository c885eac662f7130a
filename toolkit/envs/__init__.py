"""Environments: made by name or from a user's file, counted, seeded and watched."""

"""Measurements side by side with peers; what they write is what the project quotes."""

"""Scores with 95% intervals, calibration and speed, ready to be written as JSON."""

"""Activations side by side."""

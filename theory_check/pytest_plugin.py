"""Collects outcomes."""

"""Trials run on processes or a cluster, and their answers put together in one report."""

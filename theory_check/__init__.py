"""theory_check."""

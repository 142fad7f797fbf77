"""What theory_check tells pytest."""

"""Wrong implementations that a claim must catch: part of the product, run as controls in every audit."""

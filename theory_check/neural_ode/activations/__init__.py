"""Activations with proven bounds: the record, its algebra, the catalogue, and loading of a user's own."""

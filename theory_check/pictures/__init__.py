"""Plain numbers in, SVG out."""

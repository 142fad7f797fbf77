"""A case in, the measured quantity and its derived bound out; one file for each group of claims."""

"""The command line: theory-check audit | claims | activations | replay."""

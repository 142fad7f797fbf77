"""The command line: theory-check audit | selftest | survey | claims | activations | limit | replay."""

"""The command line: a file for each command of `theory-check`, and what several of them share."""

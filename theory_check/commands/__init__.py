"""Commands on the paper that ships with theory_check, which the command line finds by entry points."""

"""Is the harness itself right? Mutants of the judge, and a false claim that a search must catch."""

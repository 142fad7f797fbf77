"""One claim against one subject: the mark of a property, the plan of trials, coverage, the Hypothesis run."""

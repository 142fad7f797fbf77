"""The paper's own figures, computed afresh: each a pure function of a root seed and its sizes."""

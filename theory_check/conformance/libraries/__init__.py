"""Solvers under test, one file a library; each imports its library when it is asked for, never before."""

"""Outcomes in, text out: the report as typed records, one writer for each format, and the exit status."""

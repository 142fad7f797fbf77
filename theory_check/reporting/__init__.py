"""Outcomes in, text out: the report as typed records and one writer for each format."""

"""Samples: their sources, their files, their splits, and the audit before anything is run."""

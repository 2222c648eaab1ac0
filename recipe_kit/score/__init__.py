"""Scores, comparisons and the gate, from logged predictions alone."""

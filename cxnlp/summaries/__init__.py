"""Counts, intervals and change, by department, topic and period."""

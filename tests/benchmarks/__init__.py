"""Measurements: plain commands that print a figure each; `make bench` runs them all."""

"""Texts and files to a dataset, piece by piece."""

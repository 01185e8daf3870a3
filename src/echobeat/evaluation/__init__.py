"""Evaluation: models against experts' masks and against phantoms' truth."""

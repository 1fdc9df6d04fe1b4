"""Predicts a measurement from files, before anything runs."""

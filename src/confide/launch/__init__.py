"""Starts enclaves."""

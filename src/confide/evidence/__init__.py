"""Bytes to typed evidence, one module per format. No trust, no input or output."""

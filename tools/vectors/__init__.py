"""The programs that make the test vectors, one a format."""

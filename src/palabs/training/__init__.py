"""Training the ancestry model. Nothing here is needed to use it."""

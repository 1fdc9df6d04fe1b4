"""A DNA laboratory's ancestry service, built on the public names of `confide`."""

"""Ancestry from a genotype file: needs numpy and nothing else, so that it runs inside an enclave."""

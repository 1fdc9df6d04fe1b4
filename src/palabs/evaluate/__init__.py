"""The evaluation: how right and how honest the ancestry answer is, measured on people whom no part of it had seen."""

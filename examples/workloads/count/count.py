"""Counts the lines and bytes of a text: the smallest useful workload."""

import json


def main(inputs: dict[str, bytes], parameters: dict[str, str]) -> bytes:
    """The counts as JSON. `parameters` may name a `title`."""
    text = inputs["text"]
    counts = {"title": parameters.get("title", ""), "lines": text.count(b"\n"), "bytes": len(text)}
    return json.dumps(counts, sort_keys=True).encode()

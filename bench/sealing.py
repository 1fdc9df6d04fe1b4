"""Sealing and opening against the reference `crypt4gh` library, and against the cipher alone.

The limit is ChaCha20-Poly1305 of the same library, in this process, on one core, over 64 KiB that stay
in its cache: no key set-up, no nonces, no copies. "In memory" is from one stream in memory into another
whose memory is there already, for both libraries alike; "fresh" lets the result take new memory, which
measures the machine's page faults as much as the library. Files are in memory too where there is
/dev/shm: on a disk, the kernel's write-back decides. Everything is measured in turn, several times over,
and the best of each counts; it wants two idle cores. Run it with `python bench/sealing.py`; it prints JSON.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from blake3 import blake3
from crypt4gh import lib as reference
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from confide.sealed import Manifest, open_bytes, open_stream, seal_bytes, seal_stream
from confide.secrets import Secret

MEBIBYTES = 64
ROUNDS = 8
SEGMENT = 65536


def best_of(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The best time of each candidate in seconds; they take turns, so that a slow moment hits all alike."""
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(rounds):
        for name, candidate in candidates.items():
            for _ in range(2):  # the second finds its memory where it left it
                started = time.perf_counter()
                candidate()
                best[name] = min(best[name], time.perf_counter() - started)
    return best


class Bench:
    """One object in memory and on disk, and every way to seal and open it."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.size, self.folder = mebibytes << 20, folder
        self.plain = os.urandom(self.size)
        self.private, self.writer = X25519PrivateKey.generate(), os.urandom(32)
        self.public = self.private.public_key().public_bytes_raw()
        self.data_key = Secret.random()
        self.cipher = ChaCha20Poly1305(self.data_key.reveal())
        self.sealed, self.manifest = seal_bytes(self.plain, recipients=[self.public], data_key=self.data_key)
        self.warm = io.BytesIO(self.sealed + bytes(SEGMENT))
        self.warm.write(b"owned")  # until it is written to, it shares the memory of what it was made from
        (folder / "plain").write_bytes(self.plain)
        (folder / "sealed").write_bytes(self.sealed)

    def _sink(self) -> io.BytesIO:
        self.warm.seek(0)
        return self.warm

    def encrypt_limit(self) -> None:
        text, sealed, nonce = bytearray(SEGMENT), bytearray(SEGMENT + 16), bytes(12)
        for _ in range(self.size // SEGMENT):
            self.cipher.encrypt_into(nonce, text, None, sealed)

    def decrypt_limit(self) -> None:
        text, nonce = bytearray(SEGMENT), bytes(12)
        sealed = self.cipher.encrypt(nonce, text, None)
        for _ in range(self.size // SEGMENT):
            self.cipher.decrypt_into(nonce, sealed, None, text)

    def hash_alone(self) -> None:
        blake3(self.sealed).digest()

    def seal(self, source: io.BufferedIOBase, sink: io.BufferedIOBase) -> Manifest:
        return seal_stream(source, sink, data_key=self.data_key, data_key_id="key", recipients=[self.public])

    def open(self, source: io.BufferedIOBase, sink: io.BufferedIOBase) -> None:
        open_stream(source, sink, manifest=self.manifest, data_key=self.data_key)

    def reference_seal(self, sink: io.BytesIO) -> None:
        reference.encrypt([(0, self.writer, self.public)], io.BytesIO(self.plain), sink)

    def reference_open(self, sink: io.BytesIO) -> None:
        reference.decrypt([(0, self.private.private_bytes_raw(), None)], io.BytesIO(self.sealed), sink)

    def between_files(self, work: Callable[..., object], name: str) -> None:
        with (self.folder / name).open("rb") as source, (self.folder / "out").open("wb") as sink:
            work(source, sink)

    def candidates(self) -> dict[str, Callable[[], object]]:
        return {
            "encrypt limit": self.encrypt_limit,
            "decrypt limit": self.decrypt_limit,
            "hash alone": self.hash_alone,
            "seal": lambda: self.seal(io.BytesIO(self.plain), self._sink()),
            "open": lambda: self.open(io.BytesIO(self.sealed), self._sink()),
            "reference seal": lambda: self.reference_seal(self._sink()),
            "reference open": lambda: self.reference_open(self._sink()),
            "seal fresh": lambda: seal_bytes(self.plain, recipients=[self.public]),
            "open fresh": lambda: open_bytes(self.sealed, manifest=self.manifest, data_key=self.data_key),
            "reference seal fresh": lambda: self.reference_seal(io.BytesIO()),
            "reference open fresh": lambda: self.reference_open(io.BytesIO()),
            "copy plain": lambda: shutil.copyfile(self.folder / "plain", self.folder / "out"),
            "seal file": lambda: self.between_files(self.seal, "plain"),
            "copy sealed": lambda: shutil.copyfile(self.folder / "sealed", self.folder / "out"),
            "open file": lambda: self.between_files(self.open, "sealed"),
        }


def main(mebibytes: int = MEBIBYTES, rounds: int = ROUNDS) -> dict[str, float]:
    """Ratios of one run and the speeds behind them. Goals: 2 times the reference, 0.6 of the limit, files 1.3."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        bench = Bench(Path(folder), mebibytes)
        best = best_of(bench.candidates(), rounds)
    figures = {
        "seal_times_reference": best["reference seal"] / best["seal"],
        "open_times_reference": best["reference open"] / best["open"],
        "seal_share_of_limit": best["encrypt limit"] / best["seal"],
        "open_share_of_limit": best["decrypt limit"] / best["open"],
        "seal_fresh_times_reference": best["reference seal fresh"] / best["seal fresh"],
        "open_fresh_times_reference": best["reference open fresh"] / best["open fresh"],
        "seal_file_over_copy_and_cipher": best["seal file"] / (best["copy plain"] + best["encrypt limit"]),
        "open_file_over_copy_and_cipher": best["open file"] / (best["copy sealed"] + best["decrypt limit"]),
    }
    speeds = {f"{name.replace(' ', '_')}_gb_per_s": bench.size / seconds / 1e9 for name, seconds in best.items()}
    return {name: round(value, 2) for name, value in (figures | speeds).items()}


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:])), indent=2))

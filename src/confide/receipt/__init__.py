"""Receipts: what was computed, from what, by which code, where and when, signed inside the enclave."""

from confide.receipt.document import (
    Platform,
    Receipt,
    ReceiptBody,
    ReceiptPolicy,
    parse_receipt,
    read_receipt_file,
    sign_receipt,
)
from confide.receipt.verification import VerifiedReceipt, verify_receipt

__all__ = [
    "Platform",
    "Receipt",
    "ReceiptBody",
    "ReceiptPolicy",
    "VerifiedReceipt",
    "parse_receipt",
    "read_receipt_file",
    "sign_receipt",
    "verify_receipt",
]

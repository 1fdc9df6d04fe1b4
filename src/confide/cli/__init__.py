"""Thin shells around the library: parse, call, print."""

from confide.cli.framework import Command, Reply, run_cli

__all__ = ["Command", "Reply", "run_cli"]

"""The `confide` command: the table of its commands, each in a module of its own."""

from __future__ import annotations

import sys

from confide import __version__
from confide.cli.framework import Command, run_cli

ABOUT = "confide: compute on data without letting the computer's operator see it."

COMMANDS = (
    Command("owner init", "make an owner's home: key store, identity, policies, database", "confide.cli.owner_init"),
    Command("owner show", "say what a home holds, and how its keys are kept", "confide.cli.owner_show"),
    Command("identity new", "make a key pair for a reader of results", "confide.cli.identity_new"),
    Command("seal", "encrypt a file into the cloud's object store, with its manifest", "confide.cli.seal"),
    Command("open", "verify a receipt, then decrypt the result it belongs to", "confide.cli.open"),
    Command("workload build", "make a deterministic bundle from a folder", "confide.cli.workload_build"),
    Command("workload show", "say what is in a bundle, and its digest", "confide.cli.workload_show"),
    Command("policy new", "write a policy for a bundle, to be read and edited", "confide.cli.policy_new"),
    Command("policy check", "check a policy file", "confide.cli.policy_check"),
    Command("policy explain", "say in plain sentences what a policy allows", "confide.cli.policy_explain"),
    Command(
        "policy suggest", "write a strict policy from a known-good sample of evidence", "confide.cli.policy_suggest"
    ),
    Command("policy activate", "make a policy the current revision of its name", "confide.cli.policy_activate"),
    Command("job new", "name a workload, its inputs, the recipient and the policy", "confide.cli.job_new"),
    Command("job show", "show a job and what became of it", "confide.cli.job_show"),
    Command("broker serve", "serve challenges and key releases to attested enclaves", "confide.cli.broker_serve"),
    Command("audit show", "show the broker's audit log and check its chain", "confide.cli.audit_show"),
    Command("simulated-tee new", "make a SIMULATED machine with a root of its own", "confide.cli.simulated_tee_new"),
    Command("run", "launch a bundle in an enclave and let it do a job", "confide.cli.run"),
    Command("receipt verify", "verify a receipt, offline, at its own time", "confide.cli.receipt_verify"),
    Command("evidence verify", "verify attestation evidence, with or without a policy", "confide.cli.evidence_verify"),
    Command("endorsements fetch", "get what evidence needs from its vendor", "confide.cli.endorsements_fetch"),
    Command("evidence show", "print what evidence says, without trusting it", "confide.cli.evidence_show"),
    Command("vectors run", "run the test vectors of attestation evidence", "confide.cli.vectors_run"),
)


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run_cli("confide", ABOUT, __version__, COMMANDS, sys.argv[1:]))


if __name__ == "__main__":
    main()

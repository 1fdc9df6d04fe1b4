"""Policy revisions: they only rise, are linked, and an error in a policy puts nothing in force."""

from __future__ import annotations

import pytest

from confide.broker import activate_policy, check_chain, current_policy
from confide.errors import Misuse, Refused


def current(lab, name="lab"):
    with lab.broker.database.read() as reader:
        return current_policy(reader, name, lab.home.identity.public_key)


def test_revisions_rise_and_link(lab):
    first, second = current(lab), lab.activate(releases_per_key=7)
    third = lab.activate()
    assert [item.record.revision for item in (first, second, third)] == [1, 2, 3]
    assert [second.record.previous, third.record.previous] == [first.record.record_digest, second.record.record_digest]
    assert third.text == first.text, "an old policy comes back under a new number"
    assert current(lab) == third


def test_activating_the_policy_in_force_changes_nothing(lab):
    assert lab.activate() == current(lab)
    assert current(lab).record.revision == 1


def test_activation_is_in_the_audit_log(lab):
    lab.activate(releases_per_key=7)
    with lab.broker.database.read() as reader:
        rows = check_chain(reader.audit_rows())
    assert [(row.kind, row.body["revision"], row.body["kind"]) for row in rows] == [
        ("policy.activated", 1, "simulation"),
        ("policy.activated", 2, "simulation"),
    ]


def test_policy_with_errors_is_misuse_and_changes_nothing(lab):
    with pytest.raises(Misuse):
        activate_policy(
            lab.home.database, lab.policy_text().replace("vmpl = 0", ""), identity=lab.home.identity, now=lab.now
        )
    assert current(lab).record.revision == 1


def test_names_have_revisions_of_their_own(lab):
    other = lab.activate(name="other")
    assert (other.record.revision, current(lab).record.revision) == (1, 1)


def test_unknown_policy_is_refused(lab):
    with pytest.raises(Refused) as failure:
        current(lab, "none")
    assert failure.value.codes == ("policy.unknown",)

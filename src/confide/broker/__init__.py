"""The key broker: challenge, release, policies in force, audit log. `broker.app` and `broker.server` put
it behind HTTP and TLS; they are imported only by the command that serves.
"""

from confide.broker.audit import check_chain
from confide.broker.challenge import issue_challenge
from confide.broker.core import Appraiser, Broker
from confide.broker.database import Database, Reader, Writer
from confide.broker.identity import BrokerIdentity, WrappedIdentity
from confide.broker.jobs import JobHistory, job_history, load_job, register_job
from confide.broker.objects import register_object
from confide.broker.policies import activate_policy, current_policy
from confide.broker.release import release
from confide.broker.rows import AuditRow, PolicyRevision, StoredObject, StoredPolicy

__all__ = [
    "Appraiser",
    "AuditRow",
    "Broker",
    "BrokerIdentity",
    "Database",
    "JobHistory",
    "PolicyRevision",
    "Reader",
    "StoredObject",
    "StoredPolicy",
    "WrappedIdentity",
    "Writer",
    "activate_policy",
    "check_chain",
    "current_policy",
    "issue_challenge",
    "job_history",
    "load_job",
    "register_job",
    "register_object",
    "release",
]

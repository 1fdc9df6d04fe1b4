"""Gets certificates, lists, collateral and reference manifests from the vendors' services. Verification judges them,
and never comes here: it opens no socket.
"""

from confide.endorse.cache import Cache
from confide.endorse.client import Client, Response
from confide.endorse.fetching import Fetched, fetch_endorsements
from confide.endorse.request import HOSTS, Item, Request

__all__ = ["HOSTS", "Cache", "Client", "Fetched", "Item", "Request", "Response", "fetch_endorsements"]

"""The owner's home: key store, identity, policies and the broker's database in one private folder."""

from confide.owner.home import HomeFacts, HomeFolder, OwnerHome
from confide.owner.sealing import seal_into

__all__ = ["HomeFacts", "HomeFolder", "OwnerHome", "seal_into"]

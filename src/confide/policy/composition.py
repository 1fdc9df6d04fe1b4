"""Which evidence must be shown together: `all` and `any` over the names of the policy's platforms, never empty.

Leaving evidence out never helps: what `all` names must be there, and every piece that is there must hold by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from confide.policy.model import Accept, AllOf, AnyOf
from confide.policy.reading import WrongValueError

MAX_DEPTH = 4
MAX_ENTRIES = 32


_COMBINATORS: Mapping[str, type[AllOf | AnyOf]] = {"all": AllOf, "any": AnyOf}


def is_shown(accept: Accept, names: Collection[str]) -> bool:
    """Whether evidence of the platforms with these names is enough."""
    if isinstance(accept, str):
        return accept in names
    parts = (is_shown(one, names) for one in accept.of)
    return all(parts) if isinstance(accept, AllOf) else any(parts)


def say_accept(accept: Accept) -> str:
    """The combination in words."""
    if isinstance(accept, str):
        return accept
    word = " and " if isinstance(accept, AllOf) else " or "
    said = word.join(say_accept(one) if isinstance(one, str) else f"({say_accept(one)})" for one in accept.of)
    return said if len(accept.of) > 1 else say_accept(accept.of[0])


def names_in(accept: Accept) -> Iterator[str]:
    """The platforms that it names."""
    if isinstance(accept, str):
        yield accept
    else:
        for one in accept.of:
            yield from names_in(one)


def accept_of(names: Collection[str]) -> Callable[[object], Accept]:
    """A reader of `accept`: a platform's name, or `{ all = […] }` or `{ any = […] }` of such, up to four deep, in which
    every platform has a place.
    """

    def read(value: object) -> Accept:
        accept = _read(value, names, 1)
        used = list(names_in(accept))
        if len(used) > MAX_ENTRIES:
            raise WrongValueError(f"at most {MAX_ENTRIES} names")
        if unused := sorted(set(names) - set(used)):
            raise WrongValueError(f"a place for every [[platform]]; {', '.join(unused)} has none")
        return accept

    return read


def _read(value: object, names: Collection[str], depth: int) -> Accept:
    if isinstance(value, str):
        if value not in names:
            raise WrongValueError(f"the name of a [[platform]]: one of {', '.join(sorted(names))}")
        return value
    if not isinstance(value, dict) or len(value) != 1 or depth > MAX_DEPTH:
        raise WrongValueError(f"{{ all = […] }} or {{ any = […] }} of platforms' names, at most {MAX_DEPTH} deep")
    ((word, parts),) = value.items()
    if word not in _COMBINATORS or not isinstance(parts, list) or not 0 < len(parts) <= MAX_ENTRIES:
        raise WrongValueError("`all` or `any` with at least one entry; an empty one would allow nothing or everything")
    read = tuple(_read(part, names, depth + 1) for part in parts)
    if len(set(read)) != len(read):
        raise WrongValueError("a list without an entry twice")
    return _COMBINATORS[word](read)

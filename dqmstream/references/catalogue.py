"""The catalogue: all versions of all references, and which one is chosen when.

Of each name and workspace the accepted version with the greatest number stands: a later one takes
the place of those before, and when it is retired the one before stands again. Standing ones form a
chain: by rank; at one rank what asks for most of elements and conditions first, then what was made
last, then by name. The first of the chain that is not expired, is good for the conditions, and has
the element, is chosen. All of this depends on what is in the catalogue, never on the order in which
it came.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dqmstream.messages.references import Reference
from dqmstream.quality.inputs import Wanted
from dqmstream.quality.pattern import matches
from dqmstream.references.identity import check_identity, shown_name
from dqmstream.references.validity import specificity, why_not_now, why_not_valid

__all__ = ["Catalogue", "Choice", "Usable", "chosen"]

Usable = Callable[[Reference, str], str]
"""Why a reference has nothing to compare the element at a path with; empty if it has."""

_TOLD: Final = 5
"""References of a chain that a reason names."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen: none, one or several, the first choice first; `tried` says of each of the
    chain before them why it was not, in words."""

    references: tuple[Reference, ...]
    tried: tuple[str, ...] = ()

    @property
    def why_none(self) -> str:
        """The chain that was tried, for a report; empty if something was chosen."""
        if self.references:
            return ""
        if not self.tried:
            return "there is none in the catalogue"
        more = len(self.tried) - _TOLD
        return "; ".join([*self.tried[:_TOLD], *([f"and {more} more"] if more > 0 else [])])


def _has_all(_reference: Reference, _path: str) -> str:
    return ""


class Catalogue:
    """All versions that are known.

    Parameters
    ----------
    references
        In any order; of one id the one that was decided last counts.
    """

    def __init__(self, references: Iterable[Reference] = ()) -> None:
        self._versions: dict[str, Reference] = {}
        self._chains: dict[str, tuple[Reference, ...]] = {}
        for reference in references:
            self.take(reference)

    def __getitem__(self, version: str) -> Reference:
        return self._versions[version]

    def get(self, version: str) -> Reference | None:
        """The version of that id, None if there is none."""
        return self._versions.get(version)

    @property
    def versions(self) -> tuple[Reference, ...]:
        """All of them: by workspace, name and number."""
        return tuple(sorted(self._versions.values(), key=_place))

    def take(self, reference: Reference) -> bool:
        """Take a version in, or what was decided of it; whether that changed anything.

        Raises
        ------
        MessageError
            With reason `bad_reference` if its id is not that of its fields.
        """
        check_identity(reference)
        held = self._versions.get(reference.id)
        if held is not None and _decided(held) >= _decided(reference):
            return False
        self._versions[reference.id] = reference
        # Anew, not in place: a thread that makes a chain of what was before puts it in the old one.
        chains = dict(self._chains)
        chains.pop(reference.workspace, None)
        self._chains = chains
        return True

    def history(self, name: str, workspace: str | None = None) -> tuple[Reference, ...]:
        """All versions of a name, by workspace and number."""
        return tuple(
            one for one in self.versions if one.name == name and workspace in {None, one.workspace}
        )

    def stands(self, reference: Reference) -> bool:
        """Whether this is the version of its name that is compared with."""
        return reference in self.chain(reference.workspace)

    def chain(self, workspace: str) -> tuple[Reference, ...]:
        """The versions that stand for a workspace, in the order in which they are tried."""
        chains = self._chains
        chain = chains.get(workspace)
        if chain is None:
            newest: dict[str, Reference] = {}
            for one in self.versions:  # numbers rise, so that the greatest is the last
                if one.workspace == workspace and one.status == "accepted":
                    newest[one.name] = one
            chain = tuple(sorted(newest.values(), key=_turn))
            chains[workspace] = chain
        return chain

    def standing(self, wanted: Wanted) -> tuple[tuple[Reference, str], ...]:
        """The chain for one window, whatever the path: each with why it is not to be used."""
        return tuple((one, _why_not(one, wanted)) for one in self._asked(wanted))

    def choose(self, wanted: Wanted, usable: Usable = _has_all) -> Choice:
        """The references of an element in a window, at most `wanted.most`."""
        return chosen(self.standing(wanted), wanted, usable)

    def _asked(self, wanted: Wanted) -> Sequence[Reference]:
        chain = self.chain(wanted.workspace)
        if wanted.name:
            return [one for one in chain if one.name == wanted.name]
        # The sum of a band stands for no run: it is compared with only where it is asked for.
        return [one for one in chain if (one.kind == "band") == (wanted.kind == "band")]


def chosen(
    standing: Iterable[tuple[Reference, str]], wanted: Wanted, usable: Usable = _has_all
) -> Choice:
    """The choice for one path out of a chain that `Catalogue.standing` has looked through."""
    found: list[Reference] = []
    tried: list[str] = []
    for reference, why in standing:
        if not why:
            why = _why_not_path(reference, wanted.path) or usable(reference, wanted.path)  # noqa: PLW2901
        if why:
            tried.append(f"{shown_name(reference)} {why}")
            continue
        found.append(reference)
        if len(found) >= wanted.most:
            break
    if wanted.name and not found and not tried:
        tried.append(f"{wanted.name!r} is not in the catalogue, or not accepted")
    return Choice(tuple(found), tuple(tried))


def _why_not(reference: Reference, wanted: Wanted) -> str:
    if wanted.kind == "band" and reference.kind != "band":
        return f"is no band but of kind {reference.kind}"
    return why_not_now(reference, wanted.run, wanted.lumisection, wanted.moment) or why_not_valid(
        reference.valid, wanted.run, wanted.conditions
    )


def _why_not_path(reference: Reference, path: str) -> str:
    if any(matches(pattern, path) for pattern in reference.paths):
        return ""
    return "is of other elements"


def _place(reference: Reference) -> tuple[str, str, int, str]:
    return reference.workspace, reference.name, reference.number, reference.id


def _turn(reference: Reference) -> tuple[int, int, int, str]:
    return reference.rank, -specificity(reference), -reference.made, reference.name


def _decided(reference: Reference) -> tuple[int, str, str, str]:
    return reference.changed, reference.status, reference.who, reference.why

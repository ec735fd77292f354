"""Which models belong to creates whose answer was lost.

The service knows no idempotency key and gives no id before its answer, so a lost answer is settled through the
list. What was posted alike (same name, base, source, description and project) is interchangeable: it is shared out
among the creates of this process that lost their answers, each model to one of them. The description counts because
the service echoes it unchanged (seen live), and it may be all that tells two stacks' models apart.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from nebius_model_resource._api.models import GeneratedName, ModelInfo
from nebius_model_resource._lifecycle.matching import Kind
from nebius_model_resource.errors import AmbiguousCreate, may_have_happened

CLOCK_GRAIN = 2.0  # seconds: both `created_at` and `Date` are whole ones


class LostAnswers:
    """The creates of one process: under way, unanswered, and the models that are already somebody's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Counter[Kind] = Counter()
        self._posts: Counter[Kind] = Counter()
        self._lost: Counter[Kind] = Counter()
        self._claimed: set[str] = set()

    @contextmanager
    def posting(self, kind: Kind) -> Iterator[None]:
        """One POST of that kind is under way: nobody shares out models of the kind meanwhile.

        Where it ends in an error that leaves open whether a model was made, the create counts as unanswered from the
        same moment on, until :meth:`take` or :meth:`nothing_made`. A create that never comes to know counts on: what
        its POST made may still be there, and must not look like one model too many to the others.
        """
        with self._lock:
            self._under_way[kind.family] += 1
            self._posts[kind.family] += 1
        lost = False
        try:
            yield
        except BaseException as error:
            lost = may_have_happened(error)
            raise
        finally:
            # In one step: in a gap between the two, its model would be one too many to those who look just then.
            with self._lock:
                self._under_way[kind.family] -= 1
                self._lost[kind] += lost
                self._forget(kind)

    def claim(self, name: str) -> None:
        """That model was told in an answer, or is held by the state: it is nobody else's."""
        with self._lock:
            self._claimed.add(GeneratedName.parse(name).short)

    def nothing_made(self, kind: Kind) -> None:
        """A create that lost its answer knows now that there is no model of it."""
        with self._lock:
            self._lost[kind] -= 1
            self._forget(kind)

    def quiet_since(self, kind: Kind) -> int | None:
        """A mark for :meth:`take` while no POST of that kind is under way, otherwise None."""
        with self._lock:
            return self._posts[kind.family] if self._under_way[kind.family] == 0 else None

    def take(self, kind: Kind, mark: int, models: list[ModelInfo], since: float) -> ModelInfo | None:
        """Give one model out of a list to a create that lost its answer.

        Args:
            kind: what it had posted.
            mark: what :meth:`quiet_since` gave before the list was asked for.
            models: the list.
            since: Unix seconds by the service's clock at which its first POST was sent.

        Returns:
            The model, from now on this create's; None where none was made, or a POST came in between.

        Raises:
            AmbiguousCreate: there are more such models than creates that wait for one.
        """
        with self._lock:
            if self._under_way[kind.family] or self._posts[kind.family] != mark:
                return None
            fitting = [model for model in models if self._is_candidate(kind, model, since)]
            candidates = kind.choose(fitting, self._wanted_too(kind))
            if len(candidates) > self._lost[kind]:
                raise _ambiguous(kind, candidates)
            if not candidates:
                return None
            self._claimed.add(GeneratedName.parse(candidates[0].name).short)
            self._lost[kind] -= 1
            self._forget(kind)
            return candidates[0]

    def _forget(self, kind: Kind) -> None:
        """Drop what nobody asks for any more, or a host would keep each of its creates.

        A mark of :meth:`quiet_since` is asked for by those alone who look, and as long as one looks, it is kept.
        """
        if self._lost[kind] == 0:
            del self._lost[kind]
        looking = any(other.family == kind.family for other in self._lost)
        if not looking and self._under_way[kind.family] == 0:
            del self._under_way[kind.family], self._posts[kind.family]

    def _wanted_too(self, kind: Kind) -> set[str]:
        lost = (other for other, count in self._lost.items() if count and other != kind)
        return {other.base_model for other in lost if other.family == kind.family}

    def _is_candidate(self, kind: Kind, model: ModelInfo, since: float) -> bool:
        made = model.created_at
        return (
            kind.fits(model)
            and GeneratedName.parse(model.name).short not in self._claimed
            and (made is None or made >= since - CLOCK_GRAIN)
        )


def _ambiguous(kind: Kind, candidates: list[ModelInfo]) -> AmbiguousCreate:
    names = sorted(model.name for model in candidates)
    return AmbiguousCreate(
        f"the answer to the creation of {kind.name!r} was lost, and {len(names)} models at the service could be "
        f"the one it made: {', '.join(names)}; find out whose each is, delete those that are nobody's "
        f'(`nebius-models delete NAME`) or adopt one (`import_="NAME"`), then run `pulumi up` again',
        candidates=names,
    )

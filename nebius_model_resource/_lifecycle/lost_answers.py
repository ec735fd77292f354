"""Which models belong to creates that lost their answers.

The service has no idempotency key and returns no id before its answer, so the list decides what a lost answer was.
Creates of one kind (same name, base, source, description and project) are interchangeable: each model that the list
shows is assigned to one of them. The description counts because the service returns it unchanged (seen live), and it
may be the only difference between the models of two stacks.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nebius_model_resource._api.models import GeneratedName, ModelInfo
from nebius_model_resource._lifecycle.matching import Kind
from nebius_model_resource.errors import AmbiguousCreate, may_have_happened

CLOCK_GRAIN = 2.0  # seconds: both `created_at` and `Date` are whole seconds


@dataclass
class _Family:
    """The creates on all flavours of one base."""

    posts: int = 0  # sent so far
    in_progress: int = 0
    lost: Counter[Kind] = field(default_factory=Counter)


class LostAnswers:
    """The creates of one process that wait for their models, and the models that have an owner."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._families: defaultdict[Kind, _Family] = defaultdict(_Family)
        self._claimed: set[str] = set()

    @contextmanager
    def during_post(self, kind: Kind) -> Iterator[None]:
        """Assign no models of the kind while this POST is in progress.

        If the POST ends in an error that does not say whether a model was created, the create counts as lost until
        :meth:`assign` or :meth:`not_created`. A create that never finds out stays counted: its model may exist, and
        must not look like one too many to the others.
        """
        with self._lock:
            family = self._families[kind.family]
            family.posts += 1
            family.in_progress += 1
        lost = False
        try:
            yield
        except BaseException as error:
            lost = may_have_happened(error)
            raise
        finally:
            # In one step: between two steps, its model would be one too many to another create that looks.
            with self._lock:
                family.in_progress -= 1
                family.lost[kind] += lost
                self._forget(kind)

    def claim(self, name: str) -> None:
        """A model has an owner: no create that lost its answer takes it."""
        with self._lock:
            self._claimed.add(GeneratedName.parse(name).short)

    def not_created(self, kind: Kind) -> None:
        """A create that lost its answer now knows that its model does not exist."""
        with self._lock:
            self._families[kind.family].lost[kind] -= 1
            self._forget(kind)

    def posts_so_far(self, kind: Kind) -> int | None:
        """The number of POSTs of the kind, for :meth:`assign`; None while one is in progress."""
        with self._lock:
            family = self._families[kind.family]
            return None if family.in_progress else family.posts

    def assign(self, kind: Kind, posts: int, models: list[ModelInfo], since: float) -> ModelInfo | None:
        """Assign one model of a list to a create that lost its answer.

        Args:
            kind: what it asked for.
            posts: what :meth:`posts_so_far` returned before the list was requested; if another POST was sent
                since then, nothing is assigned.
            models: the list.
            since: when its first POST was sent, in Unix seconds on the service's clock.

        Raises:
            AmbiguousCreate: there are more such models than creates that wait for one.
        """
        with self._lock:
            family = self._families[kind.family]
            if family.in_progress or family.posts != posts:
                return None
            fitting = [model for model in models if self._is_candidate(kind, model, since)]
            candidates = kind.choose(fitting, {other.base_model for other in family.lost if other != kind})
            if len(candidates) > family.lost[kind]:
                raise _ambiguous(kind, candidates)
            if not candidates:
                return None
            self._claimed.add(GeneratedName.parse(candidates[0].name).short)
            family.lost[kind] -= 1
            self._forget(kind)
            return candidates[0]

    def _forget(self, kind: Kind) -> None:
        """Drop what no create needs any more, or a host would remember each of its creates."""
        family = self._families[kind.family]
        if not family.lost[kind]:
            del family.lost[kind]
        if not family.lost and not family.in_progress:
            del self._families[kind.family]

    def _is_candidate(self, kind: Kind, model: ModelInfo, since: float) -> bool:
        is_new = model.created_at is None or model.created_at >= since - CLOCK_GRAIN
        return is_new and kind.fits(model) and GeneratedName.parse(model.name).short not in self._claimed


def _ambiguous(kind: Kind, candidates: list[ModelInfo]) -> AmbiguousCreate:
    names = sorted(model.name for model in candidates)
    return AmbiguousCreate(
        f"the answer to the creation of {kind.name!r} was lost, and {len(names)} models could be the new one: "
        f'{", ".join(names)}; adopt the right one (`import_="NAME"`) or delete the wrong ones '
        "(`nebius-models delete NAME`), then run `pulumi up` again",
        candidates=names,
    )

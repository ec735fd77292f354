"""Deleting one model, where the list decides what a refusal means."""

from __future__ import annotations

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource._lifecycle.shared_list import StatusReader
from nebius_model_resource.errors import AccessDenied, NotFound


def delete_model(
    client: NebiusClient, name: str, reader: StatusReader, operation: Operation, *, is_new: bool
) -> None:
    """Delete a model; succeed if it does not exist.

    Behind a wrong base URL everything is 404, and a 403 does not say whether the model exists. So a list that is
    requested after such an answer decides: if it has the model, or cannot be read, this raises the error.
    If ``is_new``, reads may not show the model yet, and a 403 or 404 proves nothing.

    Raises:
        ApiError, TransportError, DeadlineExceeded: the model may still exist.
    """
    try:
        client.delete_model(name, operation.deadline)
    except (NotFound, AccessDenied) as error:
        if error.status == 401 or is_new:
            raise
        snapshot = reader.fresh(operation.deadline)
        if snapshot.failure:
            raise snapshot.failure from error
        # An unreadable entry may be the model: that leaves a 403 undecided.
        undecided = isinstance(error, AccessDenied) and not snapshot.is_complete
        if undecided or snapshot.holds(name):
            raise

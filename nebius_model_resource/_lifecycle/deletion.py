"""Deleting one model, where a refusal is settled by the list."""

from __future__ import annotations

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource._lifecycle.shared_list import StatusReader
from nebius_model_resource.errors import AccessDenied, NotFound


def delete_model(
    client: NebiusClient, name: str, reader: StatusReader, operation: Operation, *, is_new: bool
) -> None:
    """Delete a model; one that is gone already is a success.

    Behind a wrong base URL everything is 404, and the words of a 403 hide whether the model exists. So both are settled
    by a list that is asked for now: a list that has the model, or cannot be read, lets the error through.

    Args:
        client: the account.
        name: the model's generated name.
        reader: the list of its project.
        operation: its deadline.
        is_new: whether reads may lack the model because it was made just now: then a 403 or 404 proves nothing.

    Raises:
        ApiError, TransportError, DeadlineExceeded: the model may still exist.
    """
    try:
        client.delete_model(name, operation.deadline)
    except (NotFound, AccessDenied) as error:
        hidden = isinstance(error, AccessDenied)
        if error.status == 401 or is_new:
            raise
        snapshot = reader.asked_now(operation.deadline)
        if snapshot.failure:
            raise snapshot.failure from error
        # A list with entries that cannot be read may have the model.
        if snapshot.holds(name) or (hidden and not snapshot.is_whole):
            raise

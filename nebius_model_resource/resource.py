"""The ``CustomModel`` resource: its arguments and outputs."""

from __future__ import annotations

import copy
from typing import Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi import Input, Output, ResourceOptions, RunError
from pulumi.runtime import get_root_resource
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from nebius_model_resource._program import AccountResource
from nebius_model_resource.provider import CustomModelProvider

_OUTPUTS = ("generated_name", "status", "status_reason", "created_at")

# Resource names by short model name; by stack, because one process can run several programs.
_adopters: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()


class CustomModel(AccountResource, module="nebius", name="CustomModel"):
    """A LoRA adapter hosted on Nebius AI Studio (Token Factory) as a callable model.

    The service cannot change a model. A change of any input except ``wait_for_active`` therefore creates a new model,
    moves everything that uses the old one, and then deletes the old one.

    Example::

        bot = CustomModel(
            "support-bot",
            base_model="meta-llama/Meta-Llama-3.1-8B-Instruct",
            source="ftjob-…:ftckpt_…",
        )
        pulumi.export("model", bot.generated_name)
    """

    def __init__(
        self,
        resource_name: str,
        *,
        base_model: Input[str],
        source: Input[str],
        name: Input[str] | None = None,
        description: Input[str] | None = None,
        ai_project_id: Input[str] | None = None,
        wait_for_active: Input[bool] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Declare a model.

        Args:
            resource_name: the resource's name in the stack.
            base_model: the base model's id, ``vendor/model``. It may differ from the id that training uses:
                ``meta-llama/Llama-3.1-8B-Instruct`` is deployed as ``meta-llama/Meta-Llama-3.1-8B-Instruct``.
            source: where the adapter comes from: a checkpoint of a fine-tuning job (``ftjob-…:ftckpt_…``), an
                uploaded archive (``file-…``), or a Hugging Face repository (``huggingface.co/<org>/<repo>``).
            name: the custom name, without blanks, ``/`` or ``:``; by default the resource's name. The service adds a
                hyphen and four letters.
            description: a text for people; None and ``""`` are the same.
            ai_project_id: the project of the model; by default ``nebius-models:aiProjectId``, then
                ``NEBIUS_AI_PROJECT_ID``, then the key's own project.
            wait_for_active: whether create waits until the service has validated the model; True by default. It waits
                at most ``custom_timeouts.create``, or 10 minutes.
            opts: Pulumi's options. ``import_`` adopts an existing model by its generated name: nothing is created, and
                the preview fails if the model differs from the declaration.

        Raises:
            RunError: another model of this program has the same ``import_``.
        """
        opts, import_id = _without_import(opts)
        props: dict[str, Any] = {
            "name": resource_name if name is None else name,
            "base_model": base_model,
            "source": source,
            "description": description,
            "ai_project_id": ai_project_id,
            "wait_for_active": True if wait_for_active is None else wait_for_active,
            **dict.fromkeys(_OUTPUTS),
        }
        if import_id:
            _check_adoption(import_id, resource_name)
            props["import_id"] = import_id
        super().__init__(CustomModelProvider(), resource_name, props, opts)

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: Input[str],
        opts: ResourceOptions | None = None,
    ) -> CustomModel:
        """Read an existing model without owning it: ``pulumi destroy`` never deletes it.

        Args:
            resource_name: the resource's name in the stack.
            id: the model's generated name, full or short.
            opts: Pulumi's options.

        Returns:
            The model with all its outputs, and the inputs that the service reports.
        """
        model = cls.__new__(cls)
        names = ("name", "base_model", "source", "description", "ai_project_id", "wait_for_active", *_OUTPUTS)
        model._read(CustomModelProvider(), resource_name, id, names, opts)
        return model

    # Properties, as in Pulumi's own SDKs: Pulumi would evaluate annotations again for every resource.

    @property
    @pulumi.getter
    def name(self) -> Output[str]:
        """The custom name, without the suffix that the service adds."""
        return pulumi.get(self, "name")

    @property
    @pulumi.getter
    def base_model(self) -> Output[str]:
        """The base model's id."""
        return pulumi.get(self, "base_model")

    @property
    @pulumi.getter
    def source(self) -> Output[str]:
        """Where the adapter comes from: a checkpoint, an uploaded file or a Hugging Face repository."""
        return pulumi.get(self, "source")

    @property
    @pulumi.getter
    def description(self) -> Output[str | None]:
        """The description, None if there is none."""
        return pulumi.get(self, "description")

    @property
    @pulumi.getter
    def ai_project_id(self) -> Output[str | None]:
        """The project of the model, None for the key's own."""
        return pulumi.get(self, "ai_project_id")

    @property
    @pulumi.getter
    def wait_for_active(self) -> Output[bool]:
        """Whether create waits until the model is active."""
        return pulumi.get(self, "wait_for_active")

    @property
    @pulumi.getter
    def generated_name(self) -> Output[str]:
        """The service's name for the model: ``<vendor>/<Base>-LoRa:<name>-<4 letters>``. Also the resource's id.

        ``/v1/chat/completions`` takes it as ``model``.
        """
        return pulumi.get(self, "generated_name")

    @property
    @pulumi.getter
    def status(self) -> Output[str]:
        """``validating``, ``active`` or ``error``, as of the last read."""
        return pulumi.get(self, "status")

    @property
    @pulumi.getter
    def status_reason(self) -> Output[str | None]:
        """The service's reason for the status, None if it gives none."""
        return pulumi.get(self, "status_reason")

    @property
    @pulumi.getter
    def created_at(self) -> Output[int]:
        """When the model was created, in Unix seconds (an integer)."""
        return pulumi.get(self, "created_at")


def _without_import(opts: ResourceOptions | None) -> tuple[ResourceOptions | None, str | None]:
    """Split ``import_`` off the options: the engine's own import fails in the host before it reaches a provider."""
    if opts is None or not opts.import_:
        return opts, None
    import_id = opts.import_
    opts = copy.copy(opts)
    opts.import_ = None
    return opts, import_id


def _check_adoption(import_id: str, resource_name: str) -> None:
    """Refuse a program that adopts one model with two resources.

    Two resources of the same name pass: they may have different parents, and the engine refuses those that do not.
    """
    stack = get_root_resource()
    # With `set_mocks` all tests of a process share one root, and each may adopt the same model.
    if stack is None or isinstance(get_monitor(), MockMonitor):
        return
    from nebius_model_resource._api.models import GeneratedName

    short = GeneratedName.parse(import_id).short
    other = _adopters.setdefault(stack, {}).setdefault(short, resource_name)
    if other != resource_name:
        raise RunError(
            f"CustomModel {resource_name!r}: import_={import_id!r} is already adopted by CustomModel {other!r}: "
            "declare the model once"
        )

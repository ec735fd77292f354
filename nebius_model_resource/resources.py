"""What a program declares: the resources with their arguments and outputs, and the accounts that they belong to."""

from __future__ import annotations

import copy
import os
from collections import ChainMap
from inspect import get_annotations
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import pulumi
from pulumi import FileArchive, FileAsset, Input, Output, ResourceOptions, RunError
from pulumi.dynamic import Resource, ResourceProvider
from pulumi.runtime import get_config, get_config_secret_keys_env, get_root_resource, is_config_secret
from pulumi.runtime.config import get_config_env
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from nebius_model_resource import provider
from nebius_model_resource._provider.properties import ARCHIVE, ENDPOINT, MODEL, Table
from nebius_model_resource._service import settings
from nebius_model_resource._service.settings import API_KEY

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CustomModel", "DedicatedEndpoint", "ModelArchive", "Provider"]
NAMESPACE = API_KEY.partition(":")[0]
PACKAGE = "pulumi-python"  # the package of every dynamic resource
_checked: WeakSet[Any] = WeakSet()  # by stack, because one process can run several programs


class Provider(pulumi.ProviderResource):
    """An account of Nebius AI Studio (Token Factory): a key, and where it is used.

    A resource uses it with ``opts=ResourceOptions(provider=…)``, those of a component with ``providers=[…]``.

    A missing argument is read from the environment (``NEBIUS_API_KEY``, ``NEBIUS_BASE_URL``, ``NEBIUS_AI_PROJECT_ID``),
    never from the stack's configuration.

    Example::

        eu = Provider("eu", api_key_variable="NEBIUS_API_KEY_EU", ai_project_id="aiproject-e00…")
        bot = CustomModel("bot", base_model=…, source=…, opts=ResourceOptions(provider=eu))

    Attributes:
        settings: the given arguments that a call needs, by the configuration's names (``nebius-models:apiKey``).
        has_env_var_mappings: whether ``opts`` has some: what they do happens in the provider's process alone.
    """

    def __init__(
        self,
        resource_name: str,
        *,
        api_key: Input[str] | None = None,
        api_key_variable: Input[str] | None = None,
        base_url: Input[str] | None = None,
        ai_project_id: Input[str] | None = None,
        preflight: Input[bool] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Declare an account.

        Args:
            resource_name: the resource's name in the stack.
            api_key: the key; by default ``NEBIUS_API_KEY``. It is always a secret, and the state holds it encrypted.
            api_key_variable: the name of an environment variable that holds the key, in place of ``api_key``. Each
                operation reads the variable, so the state does not hold the key, and a new key is used at once.
            base_url: the service; by default ``NEBIUS_BASE_URL``, then ``https://api.studio.nebius.com``, for dedicated
                endpoints ``https://api.tokenfactory.nebius.com``.
            ai_project_id: the project of resources that do not name one; by default ``NEBIUS_AI_PROJECT_ID``, then the
                key's own.
            preflight: whether a preview asks the service about the inputs of new models and endpoints; True by
                default.
            opts: Pulumi's options.
        """
        given = {
            API_KEY: api_key,
            settings.API_KEY_VARIABLE: api_key_variable,
            settings.BASE_URL: base_url,
            settings.PROJECT: ai_project_id,
            settings.PREFLIGHT: preflight,
            settings.PROVIDER: resource_name,  # for messages
        }
        self.settings: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        key = {} if api_key is None else {API_KEY: Output.secret(api_key)}
        self.has_env_var_mappings: bool = bool(getattr(opts, "env_var_mappings", None))
        super().__init__(PACKAGE, resource_name, {**self.settings, **key}, opts)


class _AccountResource(Resource):
    """A resource of an account."""

    _served_by = ResourceProvider
    _table = Table()

    def __init_subclass__(cls, module: str = "", name: str = "", **kwargs: Any) -> None:
        # Pulumi's base class would give each subclass the type `dynamic:Resource`, and so replace its resources.
        super().__init_subclass__(module=module, name=name, **kwargs)
        if not (module or name):
            del cls._resource_type_name
        else:  # Pulumi would evaluate the texts again for each resource
            cls.__annotations__.update(get_annotations(cls, eval_str=True))
        # Pulumi reads the annotations of the class alone: without those of its base a number would be a float.
        inherited = (base.__annotations__ for base in cls.__mro__[1:] if issubclass(base, _AccountResource))
        cls.__annotations__.update(ChainMap(cls.__annotations__, *inherited))

    @classmethod
    def _declared(
        cls, resource_name: str, given: dict[str, Any] | None, opts: ResourceOptions | None
    ) -> tuple[ResourceProvider, str, dict[str, Any], ResourceOptions | None]:
        """The arguments of Pulumi's constructor, which writes each frame that calls it into the state.

        Args:
            resource_name: the resource's name in the stack.
            given: the arguments of our constructor, by the names of the table; others are ignored. None to read.
            opts: Pulumi's options.
        """
        _check_configuration()
        opts, import_id = _without_import(opts)
        props = dict.fromkeys(cls._table.properties)
        if given is not None:
            named = {**given, "name": resource_name} if given.get("name") is None else given
            props = cls._table.declared(named)
        if import_id:
            props["import_id"] = import_id
        return cls._served_by(), resource_name, props, opts

    @classmethod
    def get(cls, resource_name: str, id: Input[str], opts: ResourceOptions | None = None) -> Self:
        """Read what exists without owning it: ``pulumi destroy`` never deletes it.

        Args:
            resource_name: the resource's name in the stack.
            id: a model's generated name, full or short; a file's id, ``file-…``; or an endpoint's id.
            opts: Pulumi's options.

        Returns:
            The resource with all its outputs, and the inputs that the service reports. A file has neither ``path`` nor
            ``sha256``.
        """
        read = cls.__new__(cls)
        merged = ResourceOptions.merge(opts, ResourceOptions(id=id))
        Resource.__init__(read, *cls._declared(resource_name, None, merged))
        return read


class CustomModel(_AccountResource, module="nebius", name="CustomModel"):
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

    Attributes:
        name: the custom name, without the suffix that the service adds.
        base_model: the base model's id.
        source: where the adapter comes from: a checkpoint, an uploaded file or a Hugging Face repository.
        description: the description, None if there is none.
        ai_project_id: the project of the model, None for the key's own.
        wait_for_active: whether create waits until the model is active.
        generated_name: the service's name for the model: ``<vendor>/<Base>-LoRa:<name>-<4 letters>``. Also the
            resource's id. ``/v1/chat/completions`` takes it as ``model``.
        status: ``validating``, ``active`` or ``error``, as of the last read.
        status_reason: the service's reason for the status, None if it gives none.
        created_at: when the model was created, in Unix seconds (an integer).
    """

    _served_by, _table = provider.CustomModelProvider, MODEL
    name: Output[str]
    base_model: Output[str]
    source: Output[str]
    description: Output[str | None]
    ai_project_id: Output[str | None]
    wait_for_active: Output[bool]
    generated_name: Output[str]
    status: Output[str]
    status_reason: Output[str | None]
    created_at: Output[int]

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
        """
        super().__init__(*self._declared(resource_name, locals(), opts))


class ModelArchive(_AccountResource, module="nebius", name="ModelArchive"):
    """The uploaded archive of a LoRA adapter, as the source of a :class:`.CustomModel`.

    Its identity is its content: the same files are no change, wherever they are and however a zip was packed. Changed
    content is uploaded as a new file, before the old one is deleted.

    Example::

        adapter = ModelArchive("adapter", path="./adapter")
        bot = CustomModel("bot", base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source=adapter.file_id)

    Attributes:
        path: the folder or zip that was uploaded.
        ai_project_id: the project of the file, None for the key's own.
        file_id: the file's id, ``file-…``; also the resource's id, and what a model takes as its ``source``.
        filename: the file's name at the service: that of the folder or zip, a part of the hash, and a random part.
        size: the size of the uploaded zip in bytes.
        created_at: when the file was uploaded: whole Unix seconds.
        sha256: the hash of the names and bytes of the files, in hexadecimal digits.
    """

    _served_by, _table = provider.ModelArchiveProvider, ARCHIVE
    path: Output[str]
    ai_project_id: Output[str | None]
    file_id: Output[str]
    filename: Output[str]
    size: Output[int]
    created_at: Output[int]
    sha256: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        path: Input[str | os.PathLike[str] | FileArchive | FileAsset],
        ai_project_id: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Declare an archive.

        Args:
            resource_name: the resource's name in the stack.
            path: a folder with ``adapter_config.json`` and ``adapter_model.safetensors``, or a ``.zip`` with them at
                its root; at most 500 MB (500,000,000 bytes, as the service documents it). Relative to the project's
                folder. Other files go along, except hidden ones. Of a ``FileArchive`` or ``FileAsset`` the path is
                taken.
            ai_project_id: the project to upload to; otherwise ``nebius-models:aiProjectId``, then
                ``NEBIUS_AI_PROJECT_ID``, then the key's own project.
            opts: Pulumi's options. ``custom_timeouts.create`` is how long the upload may take, 30 minutes by default.

        Raises:
            RunError: ``import_`` is given.
        """
        if opts is not None and opts.import_:
            raise RunError(
                f"ModelArchive {resource_name!r}: a file cannot be imported: use ModelArchive.get, or upload it again"
            )
        path = _plain_path(path)
        super().__init__(*self._declared(resource_name, locals(), opts))


class DedicatedEndpoint(_AccountResource, module="nebius", name="DedicatedEndpoint"):
    """GPUs of Nebius Token Factory that serve one model for this account alone, billed by the hour.

    Most inputs change in place. A change of ``model_name``, ``flavor_name``, ``region`` or ``ai_project_id`` creates a
    new endpoint before it deletes the old one. ``enabled=False`` stops the endpoint and ends the billing.

    Example::

        bot = DedicatedEndpoint(
            "support-bot",
            model_name="meta-llama/Llama-3.3-70B-Instruct",
            flavor_name="base",
            region="eu-north1",
            gpu_type="gpu-h100-sxm",
            gpu_count=1,
            min_replicas=1,
            max_replicas=2,
        )
        pulumi.export("model", bot.routing_key)

    Attributes:
        name: the name at the service.
        description: the description, None if there is none.
        model_name: the template's name.
        flavor_name: the template's flavor.
        region: where the replicas run.
        gpu_type: the type of the GPUs.
        gpu_count: the GPUs of each replica.
        min_replicas: the fewest replicas.
        max_replicas: the most replicas.
        custom_weights_id: the fine-tuned weights that it serves, None for those of the template.
        enabled: whether it runs.
        ai_project_id: the project of the endpoint, None for the key's own.
        wait_for_ready: whether an operation waits until the endpoint is ready.
        routing_key: what ``/v1/chat/completions`` takes as ``model``; known before the endpoint exists.
        inference_url: the base URL of the calls, with ``/v1``; known before the endpoint exists.
        endpoint_id: the service's id of the endpoint; also the resource's id.
        status: ``starting``, ``running``, ``updating``, ``stopping``, ``stopped`` or ``error``, as of the last read.
        readiness: ``ready``, ``partially_ready`` or ``not_ready``, as of the last read.
        ready_replicas: the replicas that took traffic at the last read.
        created_at: when the endpoint was created: whole Unix seconds.
    """

    _served_by, _table = provider.DedicatedEndpointProvider, ENDPOINT
    name: Output[str]
    description: Output[str | None]
    model_name: Output[str]
    flavor_name: Output[str]
    region: Output[str]
    gpu_type: Output[str]
    gpu_count: Output[int]
    min_replicas: Output[int]
    max_replicas: Output[int]
    custom_weights_id: Output[str | None]
    enabled: Output[bool]
    ai_project_id: Output[str | None]
    wait_for_ready: Output[bool]
    routing_key: Output[str]
    inference_url: Output[str]
    endpoint_id: Output[str]
    status: Output[str]
    readiness: Output[str | None]
    ready_replicas: Output[int | None]
    created_at: Output[int | None]

    def __init__(
        self,
        resource_name: str,
        *,
        model_name: Input[str],
        flavor_name: Input[str],
        region: Input[str],
        gpu_type: Input[str],
        gpu_count: Input[int],
        min_replicas: Input[int],
        max_replicas: Input[int],
        name: Input[str] | None = None,
        description: Input[str] | None = None,
        custom_weights_id: Input[str] | None = None,
        enabled: Input[bool] | None = None,
        ai_project_id: Input[str] | None = None,
        wait_for_ready: Input[bool] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Declare an endpoint.

        Args:
            resource_name: the resource's name in the stack.
            model_name: the name of a template; ``list_endpoint_templates`` returns them.
            flavor_name: a flavor of the template.
            region: where the replicas run, such as ``eu-north1``.
            gpu_type: the type of the GPUs, such as ``gpu-h100-sxm``.
            gpu_count: the GPUs of each replica.
            min_replicas: the fewest replicas, at least 1.
            max_replicas: the most replicas, at least ``min_replicas``.
            name: a name of 1 to 100 characters; by default the resource's name.
            description: a text for people, of at most 500 characters; None and ``""`` are the same.
            custom_weights_id: fine-tuned weights to serve, ``model-artifact_…``, for accounts in that beta.
            enabled: whether the endpoint runs; True by default. False frees its GPUs and ends the billing.
            ai_project_id: the project of the endpoint; by default ``nebius-models:aiProjectId``, then
                ``NEBIUS_AI_PROJECT_ID``, then the key's own project.
            wait_for_ready: whether create and update wait until the endpoint takes traffic, or is stopped; True by
                default. They wait at most ``custom_timeouts``, or 60 minutes.
            opts: Pulumi's options. ``import_`` adopts an existing endpoint by its id: nothing is created, and the
                preview fails if the endpoint differs from the declaration.
        """
        super().__init__(*self._declared(resource_name, locals(), opts))


def _plain_path(path: Any) -> Any:
    """The path of an argument: an asset as a property breaks a dynamic resource at its second preview."""
    if isinstance(path, Output):
        return path.apply(_plain_path)
    if isinstance(path, (FileArchive, FileAsset)):
        return path.path
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def _without_import(opts: ResourceOptions | None) -> tuple[ResourceOptions | None, str | None]:
    """Split ``import_`` off the options: the engine's own import fails in the host before it reaches a provider."""
    if opts is None or not opts.import_:
        return opts, None
    import_id = opts.import_
    opts = copy.copy(opts)
    opts.import_ = None
    return opts, import_id


def _check_configuration() -> None:
    """Once per program: refuse settings that do not exist, and warn of a key that is not a secret.

    Raises:
        RunError: the stack's configuration has a setting that does not exist.
    """
    stack = get_root_resource() or Provider  # the process of a component package has none
    if stack in _checked:
        return
    _checked.add(stack)
    for key in get_config_env():
        namespace, _, name = key.partition(":")
        if namespace == NAMESPACE and (reason := settings.unknown_setting(name)):
            raise RunError(f"{key}: {reason}")
    # A thread that the program starts sees only the environment's list of secret keys.
    if is_config_secret(API_KEY) or API_KEY in get_config_secret_keys_env() or not get_config(API_KEY):
        return
    if not isinstance(get_monitor(), MockMonitor):  # a test has no secrets, and no state
        pulumi.log.warn(
            f"{API_KEY} is not a secret: the stack's configuration and state hold it as plain text: "
            f"run `pulumi config set --secret {API_KEY} <key>`"
        )

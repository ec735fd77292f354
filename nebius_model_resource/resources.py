"""What a program declares: the resources with their arguments and outputs, and the accounts that they belong to."""

from __future__ import annotations

import copy
import os
from typing import Any, ClassVar
from weakref import WeakSet

import pulumi
from pulumi import FileArchive, FileAsset, Input, Output, ResourceOptions, RunError
from pulumi.dynamic import Resource, ResourceProvider
from pulumi.runtime import get_config, get_config_secret_keys_env, get_root_resource, is_config_secret
from pulumi.runtime.config import get_config_env
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from nebius_model_resource._provider.properties import ARCHIVE, MODEL, Table
from nebius_model_resource._service.settings import (
    API_KEY,
    API_KEY_VARIABLE,
    BASE_URL,
    PREFLIGHT,
    PROJECT,
    PROVIDER,
    unknown_setting,
)
from nebius_model_resource.provider import CustomModelProvider, ModelArchiveProvider

NAMESPACE = API_KEY.partition(":")[0]
PACKAGE = "pulumi-python"  # the package of every dynamic resource
_checked: WeakSet[Any] = WeakSet()  # by stack, because one process can run several programs


class Provider(pulumi.ProviderResource):
    """An account of Nebius AI Studio (Token Factory): a key, and where it is used.

    A model uses it with ``opts=ResourceOptions(provider=…)``, the models of a component with ``providers=[…]``.

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
            base_url: the service; by default ``NEBIUS_BASE_URL``, then ``https://api.studio.nebius.com``.
            ai_project_id: the project of models that do not name one; by default ``NEBIUS_AI_PROJECT_ID``, then the
                key's own.
            preflight: whether a preview asks the service about the base model and source of new models; True by
                default.
            opts: Pulumi's options.
        """
        given = {
            API_KEY: api_key,
            API_KEY_VARIABLE: api_key_variable,
            BASE_URL: base_url,
            PROJECT: ai_project_id,
            PREFLIGHT: preflight,
            PROVIDER: resource_name,  # for messages
        }
        self.settings: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        key = {} if api_key is None else {API_KEY: Output.secret(api_key)}
        self.has_env_var_mappings: bool = bool(getattr(opts, "env_var_mappings", None))
        super().__init__(PACKAGE, resource_name, {**self.settings, **key}, opts)


class _AccountResource(Resource):
    """A resource of an account."""

    def __init_subclass__(cls, module: str = "", name: str = "", **kwargs: Any) -> None:
        # Pulumi's base class would give each subclass the type `dynamic:Resource`, and so replace its resources.
        super().__init_subclass__(module=module, name=name, **kwargs)
        if not (module or name):
            del cls._resource_type_name

    _served_by: ClassVar[type[ResourceProvider]]
    _table: ClassVar[Table]

    def __init__(self, resource_name: str, props: dict[str, Any], opts: ResourceOptions | None) -> None:
        _check_configuration()
        super().__init__(self._served_by(), resource_name, props, opts)

    def _read(self, resource_name: str, id_: Input[str], opts: ResourceOptions | None) -> None:
        """Read the existing resource of that id, in place of declaring one."""
        merged = ResourceOptions.merge(opts, ResourceOptions(id=id_))
        _AccountResource.__init__(self, resource_name, dict.fromkeys(self._table.properties), merged)


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
    """

    _served_by, _table = CustomModelProvider, MODEL

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
        opts, import_id = _without_import(opts)
        given = {
            "name": resource_name if name is None else name,
            "base_model": base_model,
            "source": source,
            "description": description,
            "ai_project_id": ai_project_id,
            "wait_for_active": wait_for_active,
        }
        imported = {"import_id": import_id} if import_id else {}
        super().__init__(resource_name, {**MODEL.declared(given), **imported}, opts)

    @classmethod
    def get(cls, resource_name: str, id: Input[str], opts: ResourceOptions | None = None) -> CustomModel:
        """Read an existing model without owning it: ``pulumi destroy`` never deletes it.

        Args:
            resource_name: the resource's name in the stack.
            id: the model's generated name, full or short.
            opts: Pulumi's options.

        Returns:
            The model with all its outputs, and the inputs that the service reports.
        """
        model = cls.__new__(cls)
        model._read(resource_name, id, opts)
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


class ModelArchive(_AccountResource, module="nebius", name="ModelArchive"):
    """The uploaded archive of a LoRA adapter, as the source of a :class:`.CustomModel`.

    Its identity is its content: the same files are no change, wherever they are and however a zip was packed. Changed
    content is uploaded as a new file, before the old one is deleted.

    Example::

        adapter = ModelArchive("adapter", path="./adapter")
        bot = CustomModel("bot", base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source=adapter.file_id)
    """

    _served_by, _table = ModelArchiveProvider, ARCHIVE

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
        given = {"path": _plain_path(path), "ai_project_id": ai_project_id}
        super().__init__(resource_name, ARCHIVE.declared(given), opts)

    @classmethod
    def get(cls, resource_name: str, id: Input[str], opts: ResourceOptions | None = None) -> ModelArchive:
        """Read an existing file without owning it: ``pulumi destroy`` never deletes it.

        Args:
            resource_name: the resource's name in the stack.
            id: the file's id, ``file-…``.
            opts: Pulumi's options.

        Returns:
            The file with what the service reports of it: it has no ``path`` and no ``sha256``.
        """
        archive = cls.__new__(cls)
        archive._read(resource_name, id, opts)
        return archive

    @property
    @pulumi.getter
    def path(self) -> Output[str]:
        """The folder or zip that was uploaded."""
        return pulumi.get(self, "path")

    @property
    @pulumi.getter
    def ai_project_id(self) -> Output[str | None]:
        """The project of the file, None for the key's own."""
        return pulumi.get(self, "ai_project_id")

    @property
    @pulumi.getter
    def file_id(self) -> Output[str]:
        """The file's id, ``file-…``; also the resource's id, and what a model takes as its ``source``."""
        return pulumi.get(self, "file_id")

    @property
    @pulumi.getter
    def filename(self) -> Output[str]:
        """The file's name at the service: that of the folder or zip, a part of the hash, and a random part."""
        return pulumi.get(self, "filename")

    @property
    @pulumi.getter
    def size(self) -> Output[int]:
        """The size of the uploaded zip in bytes."""
        return pulumi.get(self, "size")

    @property
    @pulumi.getter
    def created_at(self) -> Output[int]:
        """When the file was uploaded: whole Unix seconds."""
        return pulumi.get(self, "created_at")

    @property
    @pulumi.getter
    def sha256(self) -> Output[str]:
        """The hash of the names and bytes of the files, in hexadecimal digits."""
        return pulumi.get(self, "sha256")


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
    stack = get_root_resource()
    if stack is None or stack in _checked:
        return
    _checked.add(stack)
    for key in get_config_env():
        namespace, _, name = key.partition(":")
        if namespace == NAMESPACE and (reason := unknown_setting(name)):
            raise RunError(f"{key}: {reason}")
    # A thread that the program starts sees only the environment's list of secret keys.
    if is_config_secret(API_KEY) or API_KEY in get_config_secret_keys_env() or not get_config(API_KEY):
        return
    if not isinstance(get_monitor(), MockMonitor):  # a test has no secrets, and no state
        pulumi.log.warn(
            f"{API_KEY} is not a secret: the stack's configuration and state hold it as plain text: "
            f"run `pulumi config set --secret {API_KEY} <key>`"
        )

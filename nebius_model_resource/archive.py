"""The ``ModelArchive`` resource: its arguments and outputs."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi import Archive, Asset, FileArchive, FileAsset, Input, Output, ResourceOptions, RunError

from nebius_model_resource._program import AccountResource
from nebius_model_resource.provider import ModelArchiveProvider

_OUTPUTS = ("file_id", "filename", "size", "created_at", "sha256")


class ModelArchive(AccountResource, module="nebius", name="ModelArchive"):
    """The uploaded archive of a LoRA adapter, as the source of a :class:`.CustomModel`.

    Its identity is its content: the same files are no change, wherever they are and however a zip was packed. Changed
    content is uploaded as a new file, before the old one is deleted.

    Example::

        adapter = ModelArchive("adapter", path="./adapter")
        bot = CustomModel("bot", base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source=adapter.file_id)
    """

    def __init__(
        self,
        resource_name: str,
        *,
        path: Input[str | FileArchive | FileAsset],
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
            RunError: ``path`` is another kind of asset, or ``import_`` is given.
        """
        if opts is not None and opts.import_:
            raise RunError(
                f"ModelArchive {resource_name!r}: a file cannot be imported: use ModelArchive.get, or upload it again"
            )
        props: dict[str, Any] = {
            "path": _plain_path(resource_name, path),
            "ai_project_id": ai_project_id,
            **dict.fromkeys(_OUTPUTS),
        }
        super().__init__(ModelArchiveProvider(), resource_name, props, opts)

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
        names = ("path", "ai_project_id", *_OUTPUTS)
        archive._read(ModelArchiveProvider(), resource_name, id, names, opts)
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


def _plain_path(resource_name: str, path: Any) -> Any:
    """The path of an argument: an asset as a property breaks a dynamic resource at its second preview."""
    if isinstance(path, Output):
        return path.apply(lambda value: _plain_path(resource_name, value))
    if isinstance(path, (FileArchive, FileAsset)):
        return path.path
    if isinstance(path, (Archive, Asset)):
        raise RunError(
            f"ModelArchive {resource_name!r}: path is a {type(path).__name__}: give the path of a folder or .zip"
        )
    return path

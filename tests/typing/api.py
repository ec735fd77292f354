"""How users call the package; the type checker checks this file, and nothing runs it."""

from __future__ import annotations

import pulumi
from pulumi import CustomTimeouts, ResourceOptions
from typing_extensions import assert_type

from nebius_model_resource import (
    Checkpoint,
    CustomModel,
    ModelArchive,
    get_fine_tuning_checkpoints,
    get_fine_tuning_checkpoints_output,
    get_latest_checkpoint,
    get_latest_checkpoint_output,
)

plain = CustomModel("plain", base_model="vendor/base", source="file-1")
assert_type(plain.generated_name, pulumi.Output[str])
assert_type(plain.status_reason, pulumi.Output[str | None])
assert_type(plain.created_at, pulumi.Output[int])

CustomModel(
    "inputs",
    base_model=plain.base_model,
    source=pulumi.Output.concat("file-", plain.status),
    name=plain.name.apply(lambda name: f"{name}-2"),
    description=plain.generated_name,
    ai_project_id="aiproject-e00x",
    wait_for_active=False,
    opts=ResourceOptions(depends_on=[plain], custom_timeouts=CustomTimeouts(create="20m")),
)
assert_type(CustomModel.get("known", "vendor/base-LoRa:bot-AbCd"), CustomModel)

checkpoint = get_latest_checkpoint("ftjob-1", pulumi.InvokeOptions(parent=plain))
assert_type(checkpoint, Checkpoint)
assert_type(checkpoint.source, str)
assert_type(checkpoint.base_model, str | None)
assert_type(checkpoint.step_number, int | None)
assert_type(checkpoint.metrics["train_loss"], float)
assert_type(get_fine_tuning_checkpoints("ftjob-1"), list[Checkpoint])
assert_type(get_fine_tuning_checkpoints_output(plain.name), pulumi.Output[list[Checkpoint]])
CustomModel(
    "tuned",
    base_model="vendor/base",
    source=get_latest_checkpoint_output(plain.name).apply(lambda latest: latest.source),
)

CustomModel("no-source", base_model="vendor/base")  # type: ignore[call-arg]
CustomModel("wrong", base_model=1, source="file-1")  # type: ignore[arg-type]
get_latest_checkpoint(plain.name)  # type: ignore[arg-type]

archive = ModelArchive("adapter", path="./adapter")
assert_type(archive.file_id, pulumi.Output[str])
assert_type(archive.size, pulumi.Output[int])
assert_type(archive.ai_project_id, pulumi.Output[str | None])
ModelArchive("packed", path=pulumi.FileArchive("adapter.zip"), ai_project_id=plain.ai_project_id.apply(str))
ModelArchive("later", path=plain.name)
CustomModel("from_file", base_model="vendor/base", source=archive.file_id)
assert_type(ModelArchive.get("known", "file-1"), ModelArchive)

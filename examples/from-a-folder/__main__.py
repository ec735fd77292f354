"""A model from the folder of an adapter, which is uploaded again only when its content changes."""

import pulumi

from nebius_model_resource import CustomModel, ModelArchive

adapter = ModelArchive("adapter", path=pulumi.Config().get("adapter") or "adapter")
bot = CustomModel(
    "support-bot",
    base_model="meta-llama/Meta-Llama-3.1-8B-Instruct",
    source=adapter.file_id,
)

pulumi.export("model", bot.generated_name)
pulumi.export("file", adapter.file_id)
pulumi.export("sha256", adapter.sha256)

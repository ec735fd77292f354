"""One model, and what the service reports about it."""

import pulumi
import pulumi_nebius_models as nebius

config = pulumi.Config()

bot = nebius.CustomModel(
    "support-bot",
    base_model="meta-llama/Meta-Llama-3.1-8B-Instruct",
    source=config.require("source"),
    description="answers support tickets",
)
live = nebius.get_custom_model_output(name=bot.generated_name)

pulumi.export("generatedName", bot.generated_name)  # what /v1/chat/completions takes as `model`
pulumi.export("status", bot.status)
pulumi.export("source", live.source)

"""The example stack: one custom model, declared from the stack's configuration.

``pulumi config set description "something else"`` and ``pulumi preview`` show what a change does.
"""

import pulumi

from nebius_model_resource import CustomModel

config = pulumi.Config()

bot = CustomModel(
    "support-bot",
    name=config.require("name"),
    base_model=config.require("baseModel"),
    source=config.require("source"),
    description=config.get("description"),
)

pulumi.export("generated_name", bot.generated_name)  # what /v1/chat/completions takes as `model`
pulumi.export("status", bot.status)

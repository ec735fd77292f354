"""One model in the account of the stack's configuration, and the same adapter in a second account."""

import pulumi

from nebius_model_resource import CustomModel, Provider

config = pulumi.Config()
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
SOURCE = "huggingface.co/acme/support-lora"

# The key stays out of the state: only the variable's name is there.
eu = Provider("eu", api_key_variable="NEBIUS_API_KEY_EU", base_url=config.get("euUrl"))

here = CustomModel("support-bot", base_model=BASE, source=SOURCE)
there = CustomModel(
    "support-bot-eu", base_model=BASE, source=SOURCE, opts=pulumi.ResourceOptions(provider=eu)
)

pulumi.export("here", here.generated_name)
pulumi.export("eu", there.generated_name)

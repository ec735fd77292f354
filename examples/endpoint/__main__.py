"""A dedicated endpoint that can be stopped for the night, and a question to it."""

import pulumi
from question import Question

from nebius_model_resource import DedicatedEndpoint

config = pulumi.Config()
enabled = config.get_bool("enabled") is not False

bot = DedicatedEndpoint(
    "support-bot",
    model_name="meta-llama/Llama-3.3-70B-Instruct",
    flavor_name="base",
    region="eu-north1",
    gpu_type="gpu-h100-sxm",
    gpu_count=1,
    min_replicas=1,
    max_replicas=2,
    custom_weights_id=config.get("weights"),
    enabled=enabled,
)

pulumi.export("model", bot.routing_key)
pulumi.export("url", bot.inference_url)
if enabled:  # an endpoint without GPUs answers nothing; the first run after the night asks again
    question = Question("greeting", text="Who are you?", model=bot.routing_key, url=bot.inference_url)
    pulumi.export("answer", question.answer)

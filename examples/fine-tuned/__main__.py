"""A model from the final checkpoint of a fine-tuning job."""

import pulumi

from nebius_model_resource import CustomModel, get_latest_checkpoint

latest = get_latest_checkpoint(pulumi.Config().require("job"))
bot = CustomModel(
    "support-bot",
    # The id for hosting can differ from the id that the training used, which is `latest.base_model`.
    base_model="meta-llama/Meta-Llama-3.1-8B-Instruct",
    source=latest.source,
    description=f"step {latest.step_number} of {latest.job_id}",
)

pulumi.export("model", bot.generated_name)
pulumi.export("metrics", latest.metrics)

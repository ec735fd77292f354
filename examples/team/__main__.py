"""A component with two models, and a resource that uses the generated name of one of them."""

import pulumi
from router import Route

from nebius_model_resource import CustomModel


class Team(pulumi.ComponentResource):
    """The models of one team: one answers tickets, one sorts them."""

    def __init__(self, name: str, base_model: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("acme:index:Team", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        self.answers = CustomModel(
            f"{name}-answers",
            base_model=base_model,
            source="huggingface.co/acme/answers-lora",
            description="answers tickets",
            opts=mine,
        )
        self.sorts = CustomModel(
            f"{name}-sorts",
            base_model=base_model,
            source="huggingface.co/acme/sorts-lora",
            description="sorts tickets",
            opts=mine,
        )
        self.register_outputs({"answers": self.answers.generated_name, "sorts": self.sorts.generated_name})


config = pulumi.Config()
team = Team("support", config.get("baseModel") or "meta-llama/Meta-Llama-3.1-8B-Instruct")
# A new model gets a new name: Pulumi updates the route before it deletes the old model.
route = Route("tickets", path="/tickets", model=team.answers.generated_name)

pulumi.export("models", [team.answers.generated_name, team.sorts.generated_name])
pulumi.export("route", route.target)

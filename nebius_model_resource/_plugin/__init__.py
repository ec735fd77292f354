"""The native plugin ``nebius-models``: the resources for every language of Pulumi."""

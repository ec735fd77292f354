"""The command ``nebius-models``."""

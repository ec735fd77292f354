"""Pulumi's engine starts this program (docs/plugin.md)."""

from nebius_model_resource._plugin.server import main

main()

"""Pulumi's engine starts this program (docs/plugin.md)."""

from nebius_model_resource._edges.plugin.server import main

main()

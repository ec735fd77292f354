"""The edge on Pulumi's dynamic-provider host for Python."""

"""The resources on Pulumi's dynamic-provider host for Python."""

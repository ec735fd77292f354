"""Pulumi's side: what an engine asks for, and what it is shown."""

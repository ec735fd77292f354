"""The service over HTTP; nothing of Pulumi."""

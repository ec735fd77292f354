"""HTTP: the service's endpoints, and everything that a request needs. Knows nothing of Pulumi."""

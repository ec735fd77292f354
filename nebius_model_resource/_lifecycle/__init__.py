"""One model from its POST to its deletion. Knows neither Pulumi nor HTTP."""

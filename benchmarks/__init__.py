"""What a stack of models costs, beside a naive provider, a bare one and no engine at all; see README.md."""

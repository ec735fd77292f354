"""What the tests share: the real host driven over gRPC, and stacks on the real engine."""

"""What a provider decides, whichever way the engine calls it."""

"""The shapes that the service is known for, as cases that run against the emulator and against the service."""

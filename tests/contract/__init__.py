"""The known shapes of the service, as cases that run against the emulator and against the service."""

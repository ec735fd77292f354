"""What tests and first looks need: an emulator of the service and a small engine. Never imported at run time."""

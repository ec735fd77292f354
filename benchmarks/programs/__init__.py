"""The stacks that are compared.

Each module is copied into a project folder of its own and imported from there, so that its provider is pickled by
reference. Key, base URL and number of models come from the environment, the same for all.
"""

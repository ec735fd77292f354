"""The stacks that are compared.

Each module is imported from here, so that its provider is pickled by reference and is outside the project's folder,
as an installed package does: the engine writes into the state where each resource was declared. Key, base URL and
number of models come from the environment, the same for all.
"""

"""The content of an adapter on the disk: what is in it, whether it can work, its hash, and its zip.

Knows neither HTTP nor Pulumi.
"""

"""Kinds that users define: from a CustomResourceDefinition to rows of the registry."""

"""What a run needs, as data: the schema, YAML with line numbers, overrides, and the catalogue of recipes."""

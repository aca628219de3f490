"""How things are written: units, tables, HTML. Knows nothing of what they say."""

"""A folder per thing people ask about: `figures` (numbers), `text` (terminal, Markdown), `section` (HTML), `files`."""

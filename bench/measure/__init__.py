"""The measured process's side: from a task to its records."""

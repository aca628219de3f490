"""Every case by itself."""

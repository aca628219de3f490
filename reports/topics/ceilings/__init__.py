"""What a machine can do at best."""

"""What can be counted, compared for equality."""

"""What each usual optimization gains."""

"""What a trace's events are to each other: steps, nesting, parts, time and memory."""

"""What one step did: from torch's profiler, from dispatched operators, from the processor's counters."""

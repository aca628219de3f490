"""What asv finds: benchmarks, checkouts of commits, and a page of its own."""

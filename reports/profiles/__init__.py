"""From a profiler's trace to what a person wants to know of it; traces made elsewhere are read as well."""

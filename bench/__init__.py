"""The ruler: how a workload is measured. Importing this package starts nothing and runs no tensor operation."""

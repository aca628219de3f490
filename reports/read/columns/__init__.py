"""Records as columns: what tables and series are chosen and computed from, without an object for each record."""

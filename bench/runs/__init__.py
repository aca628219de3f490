"""The parent's side: what is measured, in which order, stored as it comes."""

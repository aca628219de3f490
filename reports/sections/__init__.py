"""The sections of a report, as plain frozen data for a template to draw. They measure nothing and know no HTML."""

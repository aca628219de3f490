"""The judge: what stored figures say. Reads the plain data of the ruler; never imports torch."""

"""What is imported before processes are forked, so that none of them waits for it. Imports only, of some seconds."""

"""What `import torchpace` gives to scripts, notebooks and tests: functions measured where they are."""

"""Whether torch.compile pays."""

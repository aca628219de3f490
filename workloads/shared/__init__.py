"""What several subjects use: digits, MNIST, the rules of ladders."""

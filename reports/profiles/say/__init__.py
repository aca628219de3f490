"""What a profile says: findings in words, drawings, differences."""

"""Measurements that anyone can repeat, side by side with their baselines."""

"""Vietnamese components of the NLU pipeline."""

"""Programs offered for a problem, and their labels from running them."""

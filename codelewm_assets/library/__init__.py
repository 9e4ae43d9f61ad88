"""Functions of libraries as training material: their source, their variants, and labels from running these."""

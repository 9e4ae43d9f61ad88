"""The execution pack: one row per problem, completion and input."""

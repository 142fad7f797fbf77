"""Claims that make sense for any vector field, on a user's own module; bounds rest on measured constants."""

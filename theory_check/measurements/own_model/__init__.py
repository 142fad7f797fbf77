"""The claims that make sense for any vector field, measured on a user's own module; bounds rest on measured constants."""

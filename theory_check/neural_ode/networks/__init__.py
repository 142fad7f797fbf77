"""Networks of finite width (torch): forward solves, adjoints, kernels, training. Device and dtype are parameters."""

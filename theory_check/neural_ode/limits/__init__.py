"""Infinite width: dual activations, two-time covariances, and the limits of the NNGP and tangent kernels."""

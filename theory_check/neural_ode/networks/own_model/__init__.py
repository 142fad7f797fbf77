"""A user's own `torch.nn.Module` as the vector field of a Neural ODE: loading, checks, solves, gradients, descent."""

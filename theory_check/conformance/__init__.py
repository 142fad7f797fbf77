"""ODE libraries on trial: their solvers and gradients against references with error bounds."""

"""What the numerical libraries of this process took, as JSON in its last line; started with a setting's variables.

It computes with them first: a kernel that the processor cannot run kills the process, which is an answer, too.
"""

import json
import platform

import numpy as np
import torch
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from scipy import linalg
from threadpoolctl import threadpool_info


def work() -> None:
    """Products, factorisations and elementary functions of each library, at sizes that reach its own kernels."""
    matrix = np.cos(np.arange(4096.0)).reshape(64, 64)
    for values in (matrix, matrix.astype(np.float32)):
        square = values @ values.T + 64 * np.eye(64, dtype=values.dtype)
        linalg.cholesky(square)
        np.linalg.eigh(square)
        np.tanh(np.exp(values))
        ours = torch.from_numpy(square)
        torch.linalg.cholesky(ours @ ours)
        torch.linalg.eigvalsh(ours)
        torch.tanh(torch.exp(torch.from_numpy(values))).sum()


def main() -> None:
    """With MKL_VERBOSE=1, MKL itself writes a line for each of its calls before the last one."""
    work()
    found = {
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "openblas": sorted({str(pool["architecture"]) for pool in threadpool_info() if "architecture" in pool}),
        "aten": torch.backends.cpu.get_cpu_capability(),
        "numpy": [name for name in __cpu_dispatch__ if __cpu_features__[name]],
    }
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()

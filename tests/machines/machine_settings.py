"""Machines as environment variables: which kernels and how many threads the numerical libraries shall take.

OPENBLAS_CORETYPE chooses the kernels of NumPy's and SciPy's products; torch's are MKL's, which obey MKL_CBWR; its
elementary functions are ATen's and NumPy's its own, each with a choice of instructions.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from numpy._core._multiarray_umath import __cpu_dispatch__

CORE_TYPES = ("Haswell", "Zen", "SkylakeX", "Prescott", "Nehalem")
# OpenBLAS calls kernels by the processor for which they were written first, or has one set for two.
SAME_KERNELS = {"Zen": ("Haswell",), "Prescott": ("Katmai",)}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
CHOICES = ("OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY", "MKL_CBWR", "NPY_DISABLE_CPU_FEATURES")
PROBE = Path(__file__).with_name("machine_probe.py")
PROBE_SECONDS = 300  # importing torch on a busy machine takes one of its minutes


@dataclass(frozen=True)
class Setting:
    """One machine.

    name: as `--only` takes it.
    threads: of each library.
    variables: those of `CHOICES` that are set; the others are removed from the environment.
    """

    name: str
    threads: int
    variables: Mapping[str, str]

    def environment(self) -> dict[str, str]:
        """That of this process, with no choice but this setting's."""
        kept = {name: value for name, value in os.environ.items() if name not in CHOICES}
        # Threads that wait sleep: on busy cores those that spin keep the one that works from working.
        return kept | dict.fromkeys(THREADS, str(self.threads)) | {"OMP_WAIT_POLICY": "PASSIVE"} | dict(self.variables)


def _blas(core_type: str) -> dict[str, str]:
    return {"OPENBLAS_CORETYPE": core_type}


def _aten(capability: str) -> dict[str, str]:
    return {"ATEN_CPU_CAPABILITY": capability}


_COMPATIBLE = {"MKL_CBWR": "COMPATIBLE"}
_PLAIN_NUMPY = {"NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__)}

# One thing changed at a time, then several together.
SETTINGS = (
    Setting("as-it-is", 1, {}),
    Setting("two-threads", 2, {}),
    *(Setting(core_type, 1, _blas(core_type)) for core_type in CORE_TYPES),
    Setting("aten-avx2", 1, _aten("avx2")),
    Setting("aten-default", 1, _aten("default")),
    Setting("mkl-compatible", 1, _COMPATIBLE),
    Setting("plain-numpy", 1, _PLAIN_NUMPY),
    Setting("Haswell-avx2", 1, _blas("Haswell") | _aten("avx2")),
    Setting("Nehalem-default-two-threads", 2, _blas("Nehalem") | _aten("default")),
    Setting("Prescott-compatible", 1, _blas("Prescott") | _COMPATIBLE),
    Setting("oldest", 1, _blas("Prescott") | _aten("default") | _COMPATIBLE | _PLAIN_NUMPY),
)


def settings_named(names: Sequence[str]) -> tuple[Setting, ...]:
    """Those of the names, in the order of the list; all of them for no name.

    Raises:
        ValueError: an unknown name.
    """
    known = [setting.name for setting in SETTINGS]
    for name in names:
        if name not in known:
            raise ValueError(f"no setting is called {name!r}; there are {', '.join(known)}")
    return tuple(setting for setting in SETTINGS if not names or setting.name in names)


@dataclass(frozen=True)
class Kernels:
    """What the libraries really took, each in its own words."""

    python: str
    threads: int
    openblas: str
    aten: str
    mkl: str
    numpy: str

    @property
    def words(self) -> str:
        """For the table."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        parts = (f"OpenBLAS {self.openblas}", f"ATen {self.aten}", f"MKL {self.mkl}", f"NumPy {self.numpy}")
        return ", ".join((threads, *parts, f"Python {self.python}"))


class CannotRun(Exception):
    """This machine cannot be that one; the message says why."""


def kernels_in_use(setting: Setting) -> Kernels:
    """Computed with in a process of its own.

    Raises:
        CannotRun: the process died, or a library took something else than the setting asks for.
    """
    probe = subprocess.run(
        [sys.executable, str(PROBE)],
        env=setting.environment() | {"MKL_VERBOSE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PROBE_SECONDS,
    )
    if probe.returncode != 0:
        last = (probe.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CannotRun(f"a process that computes with it {how_it_ended(probe.returncode)}: {last}")
    kernels = _parsed(probe.stdout)
    _require_asked_for(setting, kernels)
    return kernels


def how_it_ended(returncode: int) -> str:
    """In words: the signal that killed a process, or its exit status."""
    if returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"ended with exit status {returncode}"


def _parsed(output: str) -> Kernels:
    found = json.loads(output.strip().splitlines()[-1])
    return Kernels(
        python=found["python"],
        threads=found["threads"],
        openblas=" and ".join(found["openblas"]) or "absent",
        aten=found["aten"],
        mkl=_of_mkl(output),
        numpy=found["numpy"][-1] if found["numpy"] else "plain",
    )


def _of_mkl(output: str) -> str:
    """Its mode of reproducibility as its calls show it; without one, the instructions that it says it takes."""
    modes = sorted(set(re.findall(r"^MKL_VERBOSE .* CNR:(\w+)", output, flags=re.MULTILINE)))
    if modes == ["OFF"]:
        chosen = re.search(r"^MKL_VERBOSE .*\(Intel\(R\) (AVX[\w-]*)\)", output, flags=re.MULTILINE)
        return chosen[1] if chosen else "as it chooses"
    return " and ".join(modes) or "absent"


def _require_asked_for(setting: Setting, kernels: Kernels) -> None:
    asked = setting.variables
    core_type = asked.get("OPENBLAS_CORETYPE")
    if core_type is not None and kernels.openblas not in (core_type, *SAME_KERNELS.get(core_type, ())):
        raise CannotRun(f"OpenBLAS takes {kernels.openblas} in place of {core_type}")
    capability = asked.get("ATEN_CPU_CAPABILITY")
    if capability is not None and kernels.aten != capability.upper():
        raise CannotRun(f"ATen takes {kernels.aten} in place of {capability}")
    if "MKL_CBWR" in asked and kernels.mkl != asked["MKL_CBWR"]:
        raise CannotRun(f"torch's products are not MKL's in mode {asked['MKL_CBWR']} (MKL: {kernels.mkl})")
    if "NPY_DISABLE_CPU_FEATURES" in asked and kernels.numpy != "plain":
        raise CannotRun(f"NumPy takes {kernels.numpy} all the same")
    if kernels.threads != setting.threads:
        raise CannotRun(f"torch takes {kernels.threads} threads in place of {setting.threads}")

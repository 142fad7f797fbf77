"""How hard an audit tries: numbers of cases, of networks and of widths, one record for each profile."""

import msgspec

# One error budget for a whole audit: the level of a call is fixed, so that no verdict depends on what else runs.
FALSE_ALARM_RATE = 1e-6
DECLARED_CALLS = 50_000
CORE = ("softplus", "tanh", "erf", "gelu", "silu")


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of an audit. A verdict is a function of the case, the root seed and these numbers.

    examples: cases of a trial on random activations; a property's `share` scales it.
    named_examples: cases of a trial on one named activation, and of a control.
    named: activations that get trials of their own beside the random ones.
    shrink_calls: executions a minimal counterexample may cost.
    networks: independent networks of a test of a law (four times as many in its later stages).
    width_rungs: ladder of widths for rates and for "from a stated width".
    ladder_networks: networks on each rung of a ladder.
    descent_steps: steps of gradient descent.
    kernel_rungs: ladder of widths for kernels, whose errors are statistical.
    most_replicates: networks on each of its rungs at most; how many are needed follows from their spread.
    """

    name: str
    examples: int
    named_examples: int
    named: tuple[str, ...]
    shrink_calls: int
    networks: int
    width_rungs: tuple[int, ...]
    ladder_networks: int
    descent_steps: int
    kernel_rungs: tuple[int, ...]
    most_replicates: int


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="quick",
            examples=6,
            named_examples=4,
            named=("softplus", "tanh"),
            shrink_calls=120,
            networks=1_200,
            width_rungs=(8, 16, 32, 64, 128),
            ladder_networks=800,
            descent_steps=20,
            kernel_rungs=(32, 56, 96, 168, 288),
            most_replicates=160,
        ),
        Profile(
            name="gate",
            examples=30,
            named_examples=8,
            named=CORE,
            shrink_calls=300,
            networks=3_000,
            width_rungs=(8, 16, 32, 64, 128),
            ladder_networks=1_500,
            descent_steps=40,
            kernel_rungs=(64, 128, 256, 512, 1024),
            most_replicates=160,
        ),
        Profile(
            name="full",
            examples=60,
            named_examples=12,
            named=CORE,
            shrink_calls=1_000,
            networks=6_000,
            width_rungs=(8, 16, 32, 64, 128, 256),
            ladder_networks=3_000,
            descent_steps=80,
            kernel_rungs=(64, 128, 256, 512, 1024, 2048),
            most_replicates=160,
        ),
    )
}

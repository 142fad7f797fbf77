"""Where each claim of the paper comes from and how it is read.

The paper itself could not be read here: its abstract, a figure's caption, public reviews of the submission and a
machine-written digest could. Everything is in our own words. Thirteen claims are the authors'; six are readings.
"""

from types import MappingProxyType

from theory_check.claims.source import Source

_NO_EXPERIMENT = "none is known: it is stated for every input and all weights"
_EXPERIMENTS = (
    "second hand: MNIST, CIFAR-10, AG News and Daily Climate, 1,000 training samples (500 in one appendix), depths "
    "from 10 to 1,000, loss on test data, Softplus, ReLU and GELU"
)
_DEPTHS = "second hand: MNIST, Softplus, several widths, depths from 10 to 1,000"
_COMPANION = (
    "code of the companion paper, second hand: 10,000 networks, widths from 32 to 4,096, Kolmogorov-Smirnov tests with "
    "estimated moments"
)
_FEW_INPUTS = "1 to 3 inputs, random ones and digits, widths up to 24, typical and extreme weights"
_RUNGS = "4 to 6 inputs, widths up to 288 (quick profile), 1,024 (gate) or 2,048 (full)"
_DESCENT = "2 to 6 inputs, widths up to 1,024, tens of steps; 16 digits in the figure of training"
_CERTIFIED = "1 to 8 inputs at infinite width, each kernel certified"
_PAIRS = "3 to 8 inputs at infinite width"

SOURCES = MappingProxyType(
    {
        "forward-unique": Source(
            kinds=("abstract", "result"),
            where="abstract; Proposition 1, for Lipschitz phi",
            says="With a smooth activation the forward equation has one solution, and no other.",
            reading="the sentence itself, for every Lipschitz phi, kinked ones included",
            paper_scale=_NO_EXPERIMENT,
            our_scale=_FEW_INPUTS,
        ),
        "backward-unique": Source(
            kinds=("abstract", "result"),
            where="abstract; Proposition 1",
            says="With a smooth activation the backward equation has one solution, and no other.",
            reading="(b) the adjoint does not depend on which phi' is chosen from its Clarke interval; this needs a "
            "smooth phi",
            other_readings=(
                "(a) once a choice of phi' along the path is made, the adjoint solves a linear equation with bounded "
                "coefficients; this has one solution for every Lipschitz phi, ReLU included: (a) holds, and kinks "
                "are no counterexample to it",
            ),
            paper_scale=_NO_EXPERIMENT,
            our_scale=_FEW_INPUTS,
        ),
        "adjoint-gradient": Source(
            kinds=("abstract", "result"),
            where="abstract, on the accuracy of gradients; Proposition 1",
            says="To optimise first and discretise afterwards is well posed, and gives accurate gradients.",
            reading="gradients by the continuous adjoint equal differences of the loss within derived bounds",
            paper_scale=_NO_EXPERIMENT,
            our_scale=_FEW_INPUTS,
        ),
        "discretize-optimize": Source(
            kinds=("result", "figure"),
            where="Proposition 2, with explicit rates where phi and phi' are Lipschitz; a figure for Softplus at "
            "several widths",
            says="Gradients of the network of L layers approach those of the Neural ODE like 1/L.",
            reading="as said, and for schemes of higher order at their own rate, where phi has the derivatives",
            paper_scale=_DEPTHS,
            our_scale="1 or 2 inputs, widths from 32 to 48, Euler, midpoint and RK4",
        ),
        "resnet-limit": Source(
            kinds=("result", "figure"),
            where="Proposition 2, with explicit rates where phi and phi' are Lipschitz; a figure for Softplus at "
            "several widths",
            says="Outputs and gradients of the network of L layers approach those of the Neural ODE like 1/L.",
            reading="as said, for the states that outputs are read from, and with a constant that does not grow with "
            "the width",
            paper_scale=_DEPTHS,
            our_scale="1 or 2 inputs, depths from 8 to 128, widths up to 512, and infinite width",
        ),
        "gaussian-output": Source(
            kinds=("result", "digest"),
            where="Proposition 3 and Theorem 1; a digest of the paper",
            says="As the width grows the output of a network at initialisation becomes a Gaussian process.",
            reading="three statements: (i) given the features the output over sqrt S is standard normal at every "
            "width; (ii) the relative variance of S, and the distance of its mean from the limiting kernel, vanish; "
            "(iii) at the top width the joint law over inputs is within a fixed allowance of the limit",
            paper_scale=_COMPANION,
            our_scale="1 to 3 inputs, 1,200 to 6,000 networks, widths up to 128 (256 in the full profile)",
        ),
        "nngp-limit": Source(
            kinds=("result", "digest"),
            where="Proposition 3 and Theorem 1; a digest of the paper",
            says="The Gaussian process of the limit has a kernel, the NNGP kernel.",
            reading="empirical kernels approach it like n^(-1/2) in the root mean square over networks",
            paper_scale=_COMPANION,
            our_scale=_RUNGS,
        ),
        "nngp-nondegenerate": Source(
            kinds=("abstract", "result"),
            where="abstract, on nonlinearity; Lemma 3, Proposition 5 and Corollary 1",
            says="For a nonlinear phi and distinct data on the sphere the NNGP kernel is strictly positive definite.",
            reading="as said; a certificate proves each kernel positive definite",
            other_readings=(
                "a reviewer notes that a polynomial phi, even an affine one, may do where inputs are linearly "
                "independent: nonlinearity is then needed only where they are not",
            ),
            paper_scale=_NO_EXPERIMENT,
            our_scale=_CERTIFIED,
        ),
        "independent-outputs": Source(
            kinds=("digest",),
            where="a digest of the paper; known from the companion paper on infinitely deep networks",
            says="The outputs of one network become independent as its width grows.",
            reading="outputs are uncorrelated at every width, and the covariance of their squares falls like 1/n",
            paper_scale=_COMPANION,
            our_scale="1 to 6 inputs, widths up to 128 (256 in the full profile)",
        ),
        "structure-kept": Source(
            kinds=("digest",),
            where="a digest of the paper, one half of a sentence",
            says="Outputs keep the structure of the inputs.",
            reading="the correlation of two outputs does not fall as that of the inputs grows from 0 to 1",
            our_scale=_PAIRS,
        ),
        "spread-reduced": Source(
            kinds=("digest",),
            where="a digest of the paper, the other half of the sentence of structure-kept",
            says="The spread of the data is reduced. No text of the authors says so, and none says the tested reading: "
            "to refute it is not to refute the paper.",
            reading="(a) the outputs of two inputs, and their final states, are more correlated than the inputs",
            other_readings=(
                "(b) the mean square distance of two outputs, relative to their size, is smaller than that of the "
                "inputs: the same statement as (a)",
                "(c) fluctuations over random networks shrink as the width grows: true, see nngp-limit",
            ),
            our_scale=_PAIRS,
        ),
        "limits-commute": Source(
            kinds=("result",),
            where="Theorem 1 for the NNGP kernel; Theorem 2 with Proposition 4 for the tangent kernel",
            says="The limits of width and of depth commute.",
            reading="at infinite width the kernels of the layers, extrapolated in depth, are those of the Neural ODE; "
            "and empirical NNGP and tangent kernels converge along a ladder on which the depth grows with the width",
            paper_scale=_NO_EXPERIMENT,
            our_scale="1 to 6 inputs, depths from 4 to 128",
        ),
        "ntk-limit": Source(
            kinds=("result", "figure"),
            where="Proposition 4 and Theorem 2; figures with linear and logarithmic axes against the width",
            says="The tangent kernel of a network converges as its width grows.",
            reading="as said, at the rate n^(-1/2) in the root mean square over networks",
            our_scale=_RUNGS,
        ),
        "ntk-positive-definite": Source(
            kinds=("abstract", "result"),
            where="abstract, on nonlinearity; Lemma 3, Proposition 5 and Corollary 1",
            says="For a nonlinear phi and distinct data on the sphere the limiting tangent kernel is strictly positive "
            "definite.",
            reading="as said, where phi is not a polynomial; a certificate proves each kernel positive definite",
            other_readings=(
                "a reviewer notes that a polynomial phi, even an affine one, may do where inputs are linearly "
                "independent: nonlinearity is then needed only where they are not",
            ),
            paper_scale=_NO_EXPERIMENT,
            our_scale=_CERTIFIED,
        ),
        "ntk-stable": Source(
            kinds=("abstract", "result"),
            where="abstract; Theorem 3",
            says="Gradient descent on a wide enough network converges globally at a linear rate, since its tangent "
            "kernel stays near its start.",
            reading="the kernel moves by O(n^(-1/2)), and keeps half its smallest eigenvalue from a stated width on",
            paper_scale=_EXPERIMENTS,
            our_scale=_DESCENT,
        ),
        "horizon-growth": Source(
            kinds=("digest",),
            where="a digest of the paper",
            says="Variances grow over long horizons, which sigma_w ~ 1/T tames.",
            reading="the variance of the state does not fall with T; that of the output grows exponentially or is "
            "bounded as phi is; sigma_w = c / T gives the network of horizon 1",
            our_scale="1 or 2 inputs, infinite width, and widths up to 24",
        ),
        "horizon-training": Source(
            kinds=("digest",),
            where="a digest of the paper",
            says="Long horizons harm training, unless sigma_w ~ 1/T.",
            reading="where phi grows linearly, descent with the learning rate of a short horizon diverges over a long "
            "one; sigma_w = c / T gives the run of horizon 1",
            our_scale="1 to 4 inputs, width 128, horizons up to 16 times the first",
        ),
        "linear-convergence": Source(
            kinds=("abstract", "result"),
            where="abstract; Theorem 3",
            says="Gradient descent on a wide enough network converges globally at a linear rate.",
            reading="from a stated width on, and along the run of the linearised network",
            paper_scale=_EXPERIMENTS,
            our_scale=_DESCENT,
        ),
        "smooth-trains-faster": Source(
            kinds=("hedged",),
            where="the abstract, on guidelines for scaling that may lead to faster training; the caption of a figure "
            "that compares training of smooth and kinked phi",
            says="A smooth activation may train faster than a kinked one.",
            reading="(a) a smooth phi needs no more evaluations of the solver than the kinked phi of the same shape; "
            "(b) nor more steps of gradient descent",
            other_readings=("(c) no kinked phi of whatever shape is faster than a smooth one: nobody said this",),
            paper_scale=_EXPERIMENTS,
            our_scale="2 to 6 inputs, width 64",
        ),
    }
)

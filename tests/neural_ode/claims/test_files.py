"""A claim is found by its id: its properties, its measurement and the tests of that lie in files of its name."""

from pathlib import Path

import pytest

import theory_check.neural_ode.measurements
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.runs.properties import load_properties, properties_folder, property_files
from theory_check.search.property import property_of

MEASUREMENTS = Path(theory_check.neural_ode.measurements.__file__).parent
TESTS = Path(__file__).parents[1] / "measurements"
# Claims that are measured by nothing but what they share with another claim.
SHARED = {
    "nngp-limit": "width_ladder",
    "ntk-limit": "width_ladder",
    "nngp-nondegenerate": "definiteness",
    "ntk-positive-definite": "definiteness",
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_is_found_by_its_id(claim: str) -> None:
    """Its file of properties has those of this claim alone, and uses the file that measures it, which has tests."""
    module = load_properties(properties_folder() / f"test_{claim.replace('-', '_')}.py")
    judged = [prop.claim.id for prop in map(property_of, vars(module).values()) if prop is not None]
    assert judged
    assert set(judged) == {claim}
    measured = SHARED.get(claim, claim.replace("-", "_"))
    assert (MEASUREMENTS / f"{measured}.py").is_file()
    assert (TESTS / f"test_{measured}.py").is_file()
    assert f"theory_check.neural_ode.measurements.{measured} import" in Path(str(module.__file__)).read_text()


def test_there_are_no_other_properties() -> None:
    """Every file of the folder is one of a claim."""
    assert {path.stem for path in property_files()} == {f"test_{claim.replace('-', '_')}" for claim in CLAIMS}


def test_what_claims_share_is_measured_in_no_file_of_a_claim() -> None:
    """A file named for one claim would hide the other."""
    assert not {name.replace("-", "_") for name in CLAIMS} & set(SHARED.values())

"""A field's description is what its class says of it, in whichever of three places."""

from pydantic import BaseModel, Field

from codelewm_assets.core.descriptions import field_descriptions
from codelewm_assets.core.records import Decoy, LabelledCompletion, PackRow, PoolMember, Problem


class Above(BaseModel):
    """A record.

    Attributes:
        width: in metres,
            of the outside.
        absent: no field of this name.
    """

    width: float
    depth: float  # in metres
    height: float


class Below(Above):
    """One that inherits.

    Attributes:
        height (float): from the ground.

    Raises: nothing.
    """

    depth: float = Field(default=1.0, description="in feet")  # and not this


def test_a_description_comes_from_the_docstring_the_comment_or_the_field_itself_also_of_a_base_class() -> None:
    assert field_descriptions(Above) == {"width": "in metres, of the outside.", "depth": "in metres"}
    assert field_descriptions(Below) == {
        "width": "in metres, of the outside.", "depth": "in feet", "height": "from the ground.",
    }  # fmt: skip


def test_a_model_made_without_source_has_the_descriptions_of_its_fields() -> None:
    made: type[BaseModel] = type(
        "Made", (BaseModel,), {"__annotations__": {"a": int}, "a": Field(description="a number")}
    )
    assert field_descriptions(made) == {"a": "a number"}


def test_every_column_of_a_table_in_the_ui_is_described() -> None:
    for model in (Problem, LabelledCompletion, PackRow, Decoy, PoolMember):
        assert set(field_descriptions(model)) == set(model.model_fields), model

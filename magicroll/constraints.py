"""Owner-first foreign keys: (owner, photo) -> photo(owner, id), removed with their photo by the database."""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.models.constraints import BaseConstraint


class OwnedPhotoKey(BaseConstraint):
    """Composite foreign key of a table with `owner_id` and `photo_id` to the photo of that owner.

    Django can't declare one. A plain foreign key on `photo_id` would need an index that begins with the
    photo (or scan the table for each deleted photo) and would let a row name somebody else's photo.
    """

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)

    def constraint_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str:
        assert schema_editor is not None  # noqa: S101 - Django always passes it
        name = schema_editor.quote_name(self.name)
        return (
            f"CONSTRAINT {name} FOREIGN KEY (owner_id, photo_id) REFERENCES magicroll_photo (owner_id, id)"
            " ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED"
        )

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        table = schema_editor.quote_name(model._meta.db_table)
        return Statement(f"ALTER TABLE {table} ADD {self.constraint_sql(model, schema_editor)}")

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        return schema_editor._delete_constraint_sql(schema_editor.sql_delete_fk, model, self.name)

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Leave validation to the database: rows of these tables are written by the writer only."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnedPhotoKey) and self.name == other.name

    __hash__ = BaseConstraint.__hash__

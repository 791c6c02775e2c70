"""The least program that lists 25 models: SQLModel reads the rows, Rich prints the table. argv: the database's URL."""

import sys

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine
from sqlmodel import Field, Session, SQLModel, select


class AiModel(SQLModel, table=True):
    """As much of the table as is shown."""

    __tablename__ = "ai_models"
    id: int | None = Field(default=None, primary_key=True)
    provider: str
    model_id: str
    type: str | None
    status: str | None
    context_window: int | None
    input_price_per_mtok: float | None
    output_price_per_mtok: float | None


SHOWN = ("provider", "model_id", "type", "status", "context_window", "input_price_per_mtok", "output_price_per_mtok")

with Session(create_engine(sys.argv[1])) as session:
    table = Table(*SHOWN)
    for row in session.exec(select(AiModel).order_by(AiModel.provider, AiModel.model_id).limit(25)):
        table.add_row(*(str(getattr(row, name)) for name in SHOWN))
    Console(width=160).print(table)

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool, create_engine, text

from kalshi_assets.errors import DatabaseMismatch, MigrationError
from kalshi_assets.storage import schema, trading_state
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import alembic_config, create_database, prepare
from kalshi_assets.storage.partitions import ensure_day_partitions
from kalshi_assets_tests.stand import MOMENT, DatabaseMaker

REVISION = "SELECT version_num FROM kalshi.alembic_version"


@pytest.fixture
def empty(make_database: DatabaseMaker) -> Iterator[Database]:
    database = Database(make_database())
    yield database
    database.dispose()


def execute(database: Database, *statements: str) -> None:
    with database.transaction() as connection:
        for statement in statements:
            connection.execute(text(statement))


def read(database: Database, query: str) -> list[object]:
    with database.transaction() as connection:
        return list(connection.scalars(text(query)))


def test_preparing_twice_changes_nothing(empty: Database) -> None:
    prepare(empty, identity="paper", now=MOMENT)
    with empty.transaction() as connection:
        trading_state.change_state(connection, "halted", cause="command", why="a test", at=MOMENT)
    before = read(empty, REVISION)

    prepare(empty, identity="paper", now=MOMENT)

    assert read(empty, REVISION) == before
    assert read(empty, "SELECT state FROM kalshi.trading_state") == ["halted"]
    assert read(empty, "SELECT identity FROM kalshi.installation") == ["paper"]
    assert read(empty, "SELECT 1 FROM pg_namespace WHERE nspname = 'dagster'") == [1]


OF_THE_FIRST_VERSION = {
    "decisions": """INSERT INTO kalshi.decisions VALUES ('d1', 's1', 'reversion', 'KX-1',
        '2026-10-13', 'approved', '{}', '[]', '{"ask": 6800}', 'no', 1, 500, 340000, 'run-1')""",
    "orders": """INSERT INTO kalshi.orders VALUES ('o1', 'd1', 's1', 'KX-1', 'entry', 1, 'no', 6800,
        500, '2026-10-14', 'filled', '', 'v1', 500, '{1}', '2026-10-13', '2026-10-13',
        '2026-10-13', 'run-1')""",
    "fills": """INSERT INTO kalshi.fills VALUES ('f1', 'v1', 'o1', 'KX-1', 'no', 500, 3200, 70000,
        true, '2026-10-13')""",
}


def test_the_ledger_of_the_first_version_is_kept_over_all_migrations(empty: Database) -> None:
    config = alembic_config()
    with empty.transaction() as connection:
        connection.execute(text("CREATE SCHEMA kalshi"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO kalshi.installation VALUES ('paper', '2026-10-13')"))
        connection.execute(
            text("INSERT INTO kalshi.trading_state VALUES ('2026-10-13', 'halted', 'a test')")
        )
    execute(empty, *OF_THE_FIRST_VERSION.values())
    before = {name: ledger_rows(empty, name) for name in OF_THE_FIRST_VERSION}

    prepare(empty, identity="paper", now=MOMENT)

    [decision] = before["decisions"]
    decision["inputs"] = {"seen": decision["inputs"]}  # beside them stand limits since then
    for name, [old] in before.items():
        [new] = ledger_rows(empty, name)
        assert new | old == new
    with empty.transaction() as connection:
        assert trading_state.current_state(connection) == "halted"


def ledger_rows(database: Database, table: str) -> list[dict[str, Any]]:
    rows = read(database, f"SELECT to_jsonb(t) FROM kalshi.{table} t")  # noqa: S608  our names
    return [dict(row) for row in rows if isinstance(row, dict)]


def test_the_data_of_another_venue_is_refused_and_left_alone(empty: Database) -> None:
    prepare(empty, identity="paper", now=MOMENT)
    with pytest.raises(
        DatabaseMismatch, match="holds the data of 'paper', this start is for 'live'"
    ):
        prepare(empty, identity="live", now=MOMENT)
    assert read(empty, "SELECT identity FROM kalshi.installation") == ["paper"]


def test_tables_without_a_revision_are_refused(empty: Database) -> None:
    execute(empty, "CREATE SCHEMA kalshi", "CREATE TABLE kalshi.orders (a int)")
    with pytest.raises(MigrationError, match="has tables but no revision"):
        prepare(empty, identity="paper", now=MOMENT)
    assert read(empty, "SELECT tablename FROM pg_tables WHERE schemaname = 'kalshi'") == ["orders"]


def test_a_revision_of_a_later_version_is_refused(empty: Database) -> None:
    prepare(empty, identity="paper", now=MOMENT)
    execute(empty, "UPDATE kalshi.alembic_version SET version_num = '9999'")
    with pytest.raises(MigrationError, match="at revision 9999, unknown to this version"):
        prepare(empty, identity="paper", now=MOMENT)


def test_the_migrations_make_what_the_schema_says(prepared: Database) -> None:
    def is_ours(name: str | None, kind: str, parents: object) -> bool:
        if kind == "schema":
            return name == schema.SCHEMA
        return kind != "table" or f"{schema.SCHEMA}.{name}" in schema.metadata.tables

    # Whose name the schema has, the user finds it first: it would be shown as nobody's.
    options = {"options": "-c search_path=public -c timezone=UTC"}
    engine = create_engine(prepared._url, poolclass=NullPool, connect_args=options)
    with engine.connect() as connection:
        for table in schema.DAY_PARTITIONED:
            partitioned = schema.metadata.tables[f"{schema.SCHEMA}.{table}"]
            ensure_day_partitions(connection, partitioned, [MOMENT.date()])
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": is_ours,
                "version_table_schema": schema.SCHEMA,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, schema.metadata) == []
        connection.rollback()


def test_the_partitioned_tables_are_those_that_schema_names(prepared: Database) -> None:
    found = read(
        prepared, "SELECT relname FROM pg_partitioned_table JOIN pg_class ON oid = partrelid"
    )
    assert sorted(map(str, found)) == sorted(schema.DAY_PARTITIONED)


def test_making_a_database_that_is_there_gives_its_address(empty: Database) -> None:
    url = empty._url.render_as_string(hide_password=False)
    again = create_database(url, str(empty._url.database))
    assert Database(again).name == empty.name


def test_processes_that_start_together_make_one_database(empty: Database) -> None:
    url = empty._url.render_as_string(hide_password=False)
    for round_ in range(5):
        name = f"{empty._url.database}_{round_}"
        with ThreadPoolExecutor(4) as pool:
            made = set(pool.map(create_database, [url] * 4, [name] * 4))
        assert len(made) == 1
        assert Database(made.pop()).name.endswith(name)

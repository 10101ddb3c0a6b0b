"""What the database refuses whoever asks it: changing the record, breaking the chain, deciding on one's own request.

The same guards stand in both databases. Postgres also computes each event's hash again: who holds a door's credentials
can add a true event, never a link that does not fit. Functions name their schema, so that no temporary table stands in.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ONLY_ADDED = ("events", "records", "receipts", "decisions", "signing_keys")


def upgrade() -> None:
    """Add the guards of the database at hand."""
    statements = _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRES
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)


def _sqlite_only_added(table: str, verb: str) -> str:
    return f"""
        CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table}: only ever added to'); END
    """


_SQLITE = (
    *(_sqlite_only_added(table, verb) for table in ONLY_ADDED for verb in ("UPDATE", "DELETE")),
    """
        CREATE TRIGGER chain_no_delete BEFORE DELETE ON chain
        BEGIN SELECT RAISE(ABORT, 'chain: never removed'); END
    """,
    """
        CREATE TRIGGER chain_one_row BEFORE INSERT ON chain
        BEGIN SELECT RAISE(ABORT, 'chain: has one row'); END
    """,
    """
        CREATE TRIGGER chain_forward BEFORE UPDATE ON chain
        WHEN NEW.id <> OLD.id OR NEW.seq <> OLD.seq + 1
            OR NOT EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq AND hash = NEW.hash)
        BEGIN SELECT RAISE(ABORT, 'chain: moves from one event to the next'); END
    """,
    """
        CREATE TRIGGER events_linked BEFORE INSERT ON events
        WHEN NOT EXISTS (SELECT 1 FROM chain WHERE seq + 1 = NEW.seq AND hash = NEW.previous)
        BEGIN SELECT RAISE(ABORT, 'events: does not follow the chain'); END
    """,
    """
        CREATE TRIGGER decisions_by_others BEFORE INSERT ON decisions
        WHEN EXISTS (SELECT 1 FROM requests WHERE id = NEW.request_id AND requester = NEW.person)
        BEGIN SELECT RAISE(ABORT, 'decisions: never on one''s own request'); END
    """,
)


def _postgres_only_added(table: str) -> str:
    return f"""
        CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION tre_only_added()
    """


def _function(name: str, body: str) -> str:
    return f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
        SET search_path = public, pg_temp AS $$ {body} $$
    """


_POSTGRES = (
    """
        CREATE FUNCTION tre_sha256(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(said, 'UTF8')), 'hex') $$
    """,
    _function(
        "tre_only_added",
        """
        BEGIN
            RAISE EXCEPTION 'the record is only ever added to' USING ERRCODE = 'restrict_violation';
        END
        """,
    ),
    *(_postgres_only_added(table) for table in (*ONLY_ADDED,)),
    """
        CREATE TRIGGER chain_kept BEFORE INSERT OR DELETE OR TRUNCATE ON chain
        FOR EACH STATEMENT EXECUTE FUNCTION tre_only_added()
    """,
    _function(
        "tre_chain_forward",
        """
        BEGIN
            IF NEW.id <> OLD.id OR NEW.seq <> OLD.seq + 1
                OR NOT EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq AND hash = NEW.hash) THEN
                RAISE EXCEPTION 'chain: moves from one event to the next' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END
        """,
    ),
    "CREATE TRIGGER chain_forward BEFORE UPDATE ON chain FOR EACH ROW EXECUTE FUNCTION tre_chain_forward()",
    _function(
        "tre_event_linked",
        """
        DECLARE body jsonb := NEW.body::jsonb;
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM chain WHERE seq + 1 = NEW.seq AND hash = NEW.previous)
                OR NEW.hash <> tre_sha256(NEW.previous || tre_sha256(NEW.body))
                OR (body->>'seq', body->>'actor', body->>'action', body->>'project', body->>'request_id')
                    IS DISTINCT FROM
                    (NEW.seq::text, NEW.actor, NEW.action::text, NEW.project::text, NEW.request_id::text) THEN
                RAISE EXCEPTION 'events: does not follow the chain' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END
        """,
    ),
    "CREATE TRIGGER events_linked BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION tre_event_linked()",
    _function(
        "tre_decision_by_others",
        """
        BEGIN
            IF EXISTS (SELECT 1 FROM requests WHERE id = NEW.request_id AND requester = NEW.person) THEN
                RAISE EXCEPTION 'decisions: never on one''s own request' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END
        """,
    ),
    "CREATE TRIGGER decisions_by_others BEFORE INSERT ON decisions"
    " FOR EACH ROW EXECUTE FUNCTION tre_decision_by_others()",
)

"""What the database refuses by itself: deleting what is under a legal hold.

Triggers are made after migrations, not by one: SQLite builds a table anew for most
changes of it, and its triggers go with the old one.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction
from django.db.models.signals import post_migrate, pre_migrate
from django.dispatch import receiver

from .holds import HOLDS, REFUSED

OF_ITS_CONVERSATION = """h.conversation_id = OLD.conversation_id OR h.user_id =
    (SELECT owner_id FROM chat_conversation WHERE id = OLD.conversation_id)"""
HELD = {
    "chat_conversation": "h.conversation_id = OLD.id OR h.user_id = OLD.owner_id",
    "chat_message": OF_ITS_CONVERSATION,
    "chat_generation": OF_ITS_CONVERSATION,
    "chat_flag": OF_ITS_CONVERSATION,
    "chat_note": OF_ITS_CONVERSATION,
    "chat_feedback": """EXISTS (
        SELECT 1 FROM chat_message m JOIN chat_conversation c
        ON c.id = m.conversation_id WHERE m.id = OLD.message_id
        AND (h.conversation_id = c.id OR h.user_id = c.owner_id))""",
    "chat_guardfinding": """h.user_id = OLD.user_id OR h.conversation_id =
        (SELECT conversation_id FROM chat_generation WHERE id = OLD.generation_id)""",
    "chat_picture": """h.user_id = OLD.owner_id OR h.conversation_id =
        (SELECT conversation_id FROM chat_message WHERE id = OLD.message_id)""",
    "chat_prompttemplate": "h.user_id = OLD.owner_id",
    "auth_user": """h.user_id = OLD.id OR h.conversation_id IN
        (SELECT id FROM chat_conversation WHERE owner_id = OLD.id)""",
}
"""Whether the hold `h` covers the row that is to be deleted."""
NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}


def sqlite(table: str, held: str) -> list[str]:
    return [
        f"""
        CREATE TRIGGER {table}_held BEFORE DELETE ON {table}
        WHEN EXISTS (SELECT 1 FROM chat_hold h WHERE {held})
        BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END
        """
    ]


def postgresql(table: str, held: str) -> list[str]:
    """The lock: see `chat.privacy.holds`."""
    return [
        f"""
        CREATE OR REPLACE FUNCTION {table}_held() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock_shared({HOLDS}, 0);
            IF EXISTS (SELECT 1 FROM chat_hold h WHERE {held}) THEN
                RAISE EXCEPTION '{REFUSED}'
                USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN OLD;
        END $$
        """,
        f"""
        CREATE TRIGGER {table}_held BEFORE DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION {table}_held()
        """,
    ]


@receiver(pre_migrate)
def let_go(sender: Any, using: str, plan: Any = (), **_how: Any) -> None:
    """SQLite gives a table it built anew its old name only when no trigger of another
    one asks for it meanwhile. `guard` makes them again."""
    connection = connections[using]
    if sender.label == "chat" and plan and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for table in HELD:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_held")


@receiver(post_migrate)
def guard(sender: Any, using: str, **_how: Any) -> None:
    """Make those that are not there. Migrated back to before holds: remove them."""
    if sender.label != "chat":
        return
    connection = connections[using]
    made = {"sqlite": sqlite, "postgresql": postgresql}[connection.vendor]
    with transaction.atomic(using), connection.cursor() as cursor:
        cursor.execute(NAMES[connection.vendor])
        there = {name for (name,) in cursor.fetchall()}
        tables = connection.introspection.table_names(cursor)
        for table, held in HELD.items():
            is_there = f"{table}_held" in there
            wanted = {table, "chat_hold"} <= set(tables)
            if wanted and not is_there:
                for statement in made(table, held):
                    cursor.execute(statement)
            elif is_there and not wanted:
                on = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER {table}_held{on}")

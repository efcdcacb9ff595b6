"""The databases' own indexes over passages (see chat.search)."""

from django.db import migrations

SQLITE = [
    """
    CREATE VIRTUAL TABLE chat_passage_fts USING fts5(
        marks, body, content='chat_passage', content_rowid='id',
        tokenize='trigram', detail=none, columnsize=0
    )
    """,
    "CREATE VIRTUAL TABLE chat_passage_terms USING fts5vocab('chat_passage_fts', 'row')",
    """
    CREATE TRIGGER chat_passage_added AFTER INSERT ON chat_passage BEGIN
        INSERT INTO chat_passage_fts(rowid, marks, body)
        VALUES (new.id, new.marks, new.body);
    END
    """,
    """
    CREATE TRIGGER chat_passage_gone AFTER DELETE ON chat_passage BEGIN
        INSERT INTO chat_passage_fts(chat_passage_fts, rowid, marks, body)
        VALUES ('delete', old.id, old.marks, old.body);
    END
    """,
    """
    CREATE TRIGGER chat_passage_changed AFTER UPDATE ON chat_passage BEGIN
        INSERT INTO chat_passage_fts(chat_passage_fts, rowid, marks, body)
        VALUES ('delete', old.id, old.marks, old.body);
        INSERT INTO chat_passage_fts(rowid, marks, body)
        VALUES (new.id, new.marks, new.body);
    END
    """,
]
# Bodies are kept out of the rows: those of thousands are counted without reading them.
# A short list of pending entries: every search reads all of it.
POSTGRESQL = [
    "ALTER TABLE chat_passage SET (toast_tuple_target = 128)",
    """
    CREATE INDEX passage_marks ON chat_passage USING gin (marks)
    WITH (gin_pending_list_limit = 512)
    """,
]
DROPPED_SQLITE = [
    "DROP TRIGGER chat_passage_added",
    "DROP TRIGGER chat_passage_gone",
    "DROP TRIGGER chat_passage_changed",
    "DROP TABLE chat_passage_terms",
    "DROP TABLE chat_passage_fts",
]


def create(apps, schema_editor):
    here = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
    for statement in here[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    here = {"sqlite": DROPPED_SQLITE, "postgresql": ["DROP INDEX passage_marks"]}
    for statement in here[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [('chat', '0012_conversations_found')]
    operations = [migrations.RunPython(create, drop)]

"""Everything kept: the Postgres database, embedded or external. The only importer of SQLAlchemy."""

#!/bin/bash
# Run once by the PostgreSQL image, as the superuser, when its volume is still empty.
#
# Docket migrates with the rights of its login at every start, so that login owns the database. The roles are made
# here, and not by the first migration: so the login never needs CREATEROLE, and nothing is left to take away later.
# The migrations are content to find them. (Schema/README.md says what each role may do.)
set -euo pipefail

: "${DOCKET_DATABASE_PASSWORD:?a password for docket_login}"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
-- Read here, so that the password stands in no argument list.
\getenv password DOCKET_DATABASE_PASSWORD

CREATE ROLE docket_owner NOLOGIN;
CREATE ROLE docket_app NOLOGIN;
CREATE ROLE docket_eraser NOLOGIN;
CREATE ROLE docket_reader NOLOGIN;
CREATE ROLE docket_reporter NOLOGIN;

CREATE ROLE docket_login LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
-- docket_owner: migrations work as it. docket_app: the server does. docket_eraser: erasures do.
GRANT docket_owner, docket_app, docket_eraser TO docket_login;

CREATE DATABASE docket OWNER docket_login ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;
REVOKE CONNECT, TEMPORARY ON DATABASE docket FROM PUBLIC;
GRANT CONNECT ON DATABASE docket TO docket_reader, docket_reporter;
SQL

// libpq as Swift sees it: the macros that Swift's importer cannot read, declared again as constants.
#ifndef DOCKET_CPOSTGRES_SHIM_H
#define DOCKET_CPOSTGRES_SHIM_H

#include <libpq-fe.h>

// postgres_ext.h defines the error fields as character-literal macros, which are not imported.
enum {
    DOCKET_DIAG_SQLSTATE = PG_DIAG_SQLSTATE,
    DOCKET_DIAG_MESSAGE_PRIMARY = PG_DIAG_MESSAGE_PRIMARY,
    DOCKET_DIAG_MESSAGE_DETAIL = PG_DIAG_MESSAGE_DETAIL,
    DOCKET_DIAG_SCHEMA_NAME = PG_DIAG_SCHEMA_NAME,
    DOCKET_DIAG_TABLE_NAME = PG_DIAG_TABLE_NAME,
    DOCKET_DIAG_COLUMN_NAME = PG_DIAG_COLUMN_NAME,
    DOCKET_DIAG_CONSTRAINT_NAME = PG_DIAG_CONSTRAINT_NAME
};

#endif

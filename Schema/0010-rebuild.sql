-- A set of a projection's tables that is being filled aside. The column names the rebuild that fills it: workers and
-- readers leave such a set alone, and a rebuild that finds another's id there, or none, has lost the set and stops.
SET ROLE docket_owner;

ALTER TABLE docket.projection_position ADD COLUMN rebuild uuid;

RESET ROLE;

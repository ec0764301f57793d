-- Under each name that ever was a backup, what it kept when it was last in force; nulls for one that keeps no snapshots.
-- What lies in its repository outlives its declaration.
CREATE TABLE backup_in_force (
  name text PRIMARY KEY,
  days integer,
  weeks integer,
  months integer
);

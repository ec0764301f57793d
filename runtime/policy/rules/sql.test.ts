import { describe, expect, test } from 'bun:test'
import { decideNeeds } from './decide.ts'
import { policyWith, rules } from './testing/policy.ts'

const places = { workspace: '/h/workspaces/code', www: '/h/www', projects: '/h/projects', logs: '/h/logs' }
const policy = policyWith({
  sql: rules(
    ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE TABLE', 'CREATE INDEX'],
    ['DROP DATABASE', 'TRUNCATE', 'DELETE without WHERE', 'UPDATE without WHERE'],
    ['DROP TABLE', 'ALTER TABLE'],
  ),
})
const decide = async (statement: string, sql = policy.sql) =>
  (await decideNeeds({ ...policy, sql }, [{ kind: 'sql', statement, database: 'shop' }], { agent: 'data', places })).decision

const all = async (decision: string, statements: readonly string[]) => {
  for (const statement of statements) expect([statement, await decide(statement)]).toEqual([statement, decision])
}

describe('SQL', () => {
  test('statements that rules allow run', () =>
    all('allow', [
      'select * from a where b = (select max(b) from a) union select 1',
      'insert into a select * from b on conflict do nothing',
      "update a set b = 'delete from c' where id = 2",
      'delete from a where id in (select id from b) -- drop table a',
      'with x as (delete from a where id = 1 returning *) select * from x',
      'create table a (id int); create index on a (id)',
      'begin; select 1; commit',
      'explain analyze select 1',
      'values (1), (2)',
    ]))

  test('a DELETE or UPDATE without WHERE is denied, also with one that leaves nothing out, also inside a CTE or a later statement', () =>
    all('deny', [
      'delete from a',
      'DELETE/**/FROM a',
      'delete from a where true',
      'delete from a where 1 = 1',
      "delete from a where 'x' = 'x' or 2 > 1",
      'select 1; delete from a',
      'with x as (delete from a returning *) select * from x',
      'update a set b = 1',
      'explain analyze delete from a',
      'prepare p as delete from a',
    ]))

  test('what destroys asks or is denied wherever it stands', async () => {
    await all('ask', [
      'drop table a',
      'select 1; DROP TABLE IF EXISTS a cascade',
      'alter table a add b int',
      'alter table a rename to b',
      'alter table a rename b to c',
      'drop/* */table a',
    ])
    await all('deny', [
      'drop database a',
      'truncate a',
      'select 1; truncate a',
      'drop table a; drop database b',
      'drop schema public cascade',
      'drop view a',
    ])
  })

  test('what reaches out of the database is denied: programs, files, functions, roles, other sessions', () =>
    all('deny', [
      "copy a to program 'sh'",
      "copy a from program 'curl x'",
      "copy a from '/etc/passwd'",
      'do $$ begin execute $x$drop table a$x$; end $$',
      'create function f() returns int language sql as $$ select 1 $$',
      'create extension plpython3u',
      'create role x superuser',
      'alter role x superuser',
      'alter system set shared_preload_libraries = x',
      'grant all on a to public',
      "select pg_read_file('/etc/passwd')",
      "select * from pg_ls_dir('/')",
      "select lo_import('/etc/passwd')",
      'select pg_terminate_backend(1)',
      "select query_to_xml('drop table a', true, true, '')",
      "select set_config('role', 'postgres', false)",
      'set role postgres',
      'select * into b from a; call p()',
      'create trigger t after insert on a execute function f()',
      'listen x',
      "load 'x'",
      'vacuum full a',
      "security label on table a is 'x'",
    ]))

  test('what cannot be read is denied', () =>
    all('deny', ['selec 1', 'select 1;; drop', "select 'x", 'select \0', `select ${'('.repeat(20_000)}`, 'select $1 $2']))

  test('a set operation and a subquery hide no statement, and * allows all but what is denied', async () => {
    expect(await decide('select 1 union select * from (select 2) x', rules(['SELECT']))).toBe('allow')
    expect(await decide('create table x as select 1', rules(['SELECT']))).toBe('deny')
    expect(await decide('select 1 into x', rules(['SELECT']))).toBe('deny')
    expect(await decide('do $$ begin end $$', rules(['*'], ['DROP *']))).toBe('allow')
    expect(await decide('drop view x', rules(['*'], ['drop  *']))).toBe('deny')
    expect(await decide('select 1', rules())).toBe('deny')
  })
})

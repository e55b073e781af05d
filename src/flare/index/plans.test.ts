import t from 'tap';
import { openDatabase, type SqliteDatabase } from './database.ts';
import { SqliteReader } from './reader.ts';

/** Tables that are read whole: once, at the start, or because they have few rows. */
const READ_WHOLE = new Set(['notes', 'slices', 'replays', 'wipes', 'segments', 'mark', 'usage']);

/** The statements that a reader prepares. */
function statementsOf(database: SqliteDatabase): string[] {
  const statements: string[] = [];
  const recording = new Proxy(database, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (name === 'prepare') {
        return (sql: string) => {
          statements.push(sql);
          return target.prepare(sql);
        };
      }
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  new SqliteReader(recording);
  return statements;
}

t.test(
  'No question to the index walks over a table that grows with the number of files (issue 3, growth)',
  async (t) => {
    const database = openDatabase(':memory:');
    const statements = statementsOf(database);
    t.ok(statements.length > 5, `${statements.length} statements`);
    for (const sql of statements) {
      const nulls = Array<null>(sql.split('?').length - 1).fill(null);
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...nulls) as { detail: string }[];
      const scanned = plan.flatMap(({ detail }) => /^SCAN (\w+)/.exec(detail)?.[1] ?? []);
      for (const table of scanned) t.ok(READ_WHOLE.has(table), `${sql}: walks over ${table}`);
      if (scanned.length > 0) continue;
      for (const { detail } of plan) t.notMatch(detail, /TEMP B-TREE/, `${sql}: finds its rows in their order`);
    }
    database.close();
  },
);

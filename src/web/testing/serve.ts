import { FixtureServer, KEY } from './fixture-server.ts';
import { STEP_MS } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';

/* Shows the page over a made-up volcano, to whoever works on it: `npm run page -- SCENARIO`. Pages are read anew at each load. */
const name = process.argv[2] ?? 'healthy';
const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
if (scenario === undefined) {
  console.error(`There is no scenario ${name}; there are ${Object.keys(SCENARIOS).join(', ')}.`);
  process.exit(2);
}
const fixture = await FixtureServer.start(scenario);
console.log(`${fixture.url} (${name}; the key is ${KEY})`);
setInterval(() => fixture.tick(), STEP_MS);

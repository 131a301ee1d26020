// A client generated from online/openapi.json against a server: node roundtrip.js URL FIRST_ITEM ITEMS.
// schema.d.ts is made by openapi-typescript; that this file compiles under `strict` is a part of the test.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Slate = components["schemas"]["Recommendation"];
type Feedback = components["schemas"]["Feedback"];

const [url, first, items] = process.argv.slice(2);
assert(url !== undefined && first !== undefined && items !== undefined);
const user = String(BigInt(first) + 40n);
const client = createClient<paths>({ baseUrl: url });

async function applied(): Promise<number> {
  const { data } = await client.GET("/policy");
  assert(data !== undefined && data.items === Number(items));
  return data.applied;
}

async function ask(): Promise<Slate> {
  const { data, error } = await client.POST("/recommend", { body: { user, k: 3 } });
  assert(data !== undefined, error?.error);
  assert.equal(data.items.length, 3);
  for (const { item, propensity } of data.items) {
    // Text, because a double would round it to a neighbour.
    assert(typeof item === "string");
    const at = BigInt(item) - BigInt(first!);
    assert(0n <= at && at < BigInt(items!), item);
    assert(0 < propensity && propensity <= 1);
  }
  return data;
}

async function report(body: Feedback): Promise<{ applied: number; duplicates: number }> {
  const { data, error } = await client.POST("/feedback", { body });
  assert(data !== undefined, error?.error);
  assert(data.durable);
  return { applied: data.applied, duplicates: data.duplicates };
}

const before = await applied();
const slate = await ask();
const [one, ...rest] = slate.items;
assert(one !== undefined);
const request_id = slate.request_id;
assert.deepEqual(await report({ request_id, item: one.item, reward: 1 }), { applied: 1, duplicates: 0 });
assert.deepEqual(await report({ request_id, item: one.item, reward: 1 }), { applied: 0, duplicates: 1 });
const refused = await client.POST("/feedback", { body: { request_id, item: one.item, reward: 0 } });
assert.equal(refused.response.status, 409);
assert(refused.error !== undefined && refused.error.error.length > 0);
const rewards = rest.map(({ item }) => ({ item, reward: 0.5 }));
assert.equal((await report({ request_id, rewards })).applied, 2);
const again = await ask();
const seen = new Set(slate.items.map(({ item }) => item));
assert(again.items.every(({ item }) => !seen.has(item)), "consumed items came again");
assert.equal((await report({ user, item: again.items[0]!.item, reward: 1 })).applied, 1);

const unknown = await client.POST("/recommend", { body: { user: "7", k: 1, candidates: ["1"] } });
assert(unknown.error !== undefined && unknown.error.error.includes("catalogue"));
assert.equal(await applied(), before + 4);
console.log("round trip: 4 rewards");
